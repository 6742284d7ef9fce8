"""Recipes by their paper's name: settings from ``recipes/NAME.yaml``, and what may be claimed at the run's end."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from importlib.resources import files
from typing import Any

import yaml

from ..data import Dataset
from ..errors import InputError, nearest
from .plan import COMMON
from .settings import Settings

FOLDER = files("residuum.training") / "recipes"

# What may differ from the recipe without its being another recipe, or is looked at by itself.
FREE = {"data", "model", "model_arguments", "recipe", "seed", "device", "precision", "kernels", "threads", "workers",
        "processes", "strict", "licence", "checkpoint_every", "keep"}  # fmt: skip

# How data without a name of their own are told: classes, training pictures.
SIZES = {"imagenet": (1000, 1_281_167)}


@dataclass(frozen=True)
class Recipe:
    """A published way to train, and its published results."""

    source: str
    settings: dict[str, Any]  # by the names of ``Settings``
    data: str | None = None  # what the results are of
    models: dict[str, dict[str, Any]] = field(default_factory=dict)  # what a model needs otherwise
    published: dict[str, float] = field(default_factory=dict)  # by model
    measure: str = "test error of the last epoch, percent"
    band: float = 0.0  # plus and minus
    band_from: str = ""
    notes: list[str] = field(default_factory=list)

    def settings_for(self, model: str) -> dict[str, Any]:
        """Return the settings for that model."""
        return {**self.settings, **self.models.get(model, {}), "model": model}


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(entry.name.removesuffix(".yaml") for entry in FOLDER.iterdir() if entry.name.endswith(".yaml"))


def recipe_text(name: str) -> str:
    """Return the recipe's YAML, as it is shown to people."""
    if name not in recipe_names():
        raise InputError(f"no recipe is named {name!r}; {nearest(name, recipe_names())}")
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def read_recipe(name: str) -> Recipe:
    """Return the recipe of that name, its keys checked."""
    return parse_recipe(name, recipe_text(name))


def parse_recipe(name: str, text: str) -> Recipe:
    """Return the recipe that the YAML describes; errors name what is missing or unknown."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"recipe {name} is not YAML: {error}") from error
    needed = {entry.name for entry in fields(Recipe) if entry.default is entry.default_factory is MISSING}
    names = set(found) if isinstance(found, dict) else set()
    if difference := sorted((needed - names) | (names - {entry.name for entry in fields(Recipe)})):
        raise InputError(f"recipe {name} must hold the keys of a recipe; missing or unknown: {', '.join(difference)}")
    recipe = Recipe(**found)
    known = {entry.name for entry in fields(Settings)}
    used = set(recipe.settings).union(*recipe.models.values())
    if unknown := sorted(used - known):
        raise InputError(f"recipe {name} sets {unknown[0]}, which is no setting; {nearest(unknown[0], sorted(known))}")
    return recipe


def with_recipe(given: dict[str, Any]) -> dict[str, Any]:
    """Lay what the user said over what the named recipe says; without a recipe nothing changes."""
    if given.get("recipe") is None:
        return given
    recipe = read_recipe(given["recipe"])
    values = recipe.settings_for(given.get("model") or recipe.settings["model"])
    if recipe.data and recipe.data not in SIZES:
        values["data"] = recipe.data
    if given.get("data", recipe.data) != recipe.data:
        values = {key: value for key, value in values.items() if key not in ("pad", "flip")}  # these follow the data
    return {**values, **given}


def changes(settings: Settings) -> dict[str, str]:
    """Return by name what the run does otherwise than its recipe, as ``20 instead of 164``."""
    expected = _expected(settings)
    done = {entry.name: getattr(settings, entry.name) for entry in fields(Settings)}
    return {
        key: f"{done[key]} instead of {expected[key]}"
        for key in done
        if key in expected and key not in FREE and done[key] != expected[key]
    }


def _expected(settings: Settings) -> dict[str, Any]:
    defaults = {
        entry.name: entry.default if entry.default is not MISSING else entry.default_factory()  # pyright: ignore
        for entry in fields(Settings)
        if entry.default is not MISSING or entry.default_factory is not MISSING
    }
    return {**defaults, **COMMON, **read_recipe(settings.recipe or "").settings_for(settings.model)}


def told(settings: Settings) -> str:
    """Say which recipe the run follows and where it does not, before it starts."""
    recipe = read_recipe(settings.recipe or "")
    text = f"{settings.recipe} ({recipe.source})"
    if changed := changes(settings):
        text += f"; changed: {_listed(changed)}"
    if "epochs" in changed:
        falls = [f"{settings.epochs * milestone:g}" for milestone in settings.milestones]
        shape = f"the rate falls after epochs {' and '.join(falls)}" if settings.sched == "step" else settings.sched
        text += f"; the schedule is scaled to {settings.epochs} epochs ({shape})"
    return text


def verdict(settings: Settings, dataset: Dataset, history: list[dict[str, float]]) -> str:
    """Set the run's result beside the published one; claim nothing for a run that was changed or not finished."""
    recipe = read_recipe(settings.recipe or "")
    opening = f"recipe {settings.recipe}, {recipe.measure}"
    published = recipe.published.get(settings.model)
    if not history or len(history) < settings.epochs:
        return f"{opening}: the run has not finished ({len(history)} of {settings.epochs} epochs), nothing is claimed"
    got = 100 - history[-1]["val_acc1"]
    if published is None:
        return f"{opening}: no result is published for {settings.model}; this run {got:.2f}"
    reasons = changes(settings)
    if not _is_data_of(recipe, dataset):
        reasons["data"] = f"{dataset.name} instead of {recipe.data}"
    kept = {key: value for key, value in settings.model_arguments.items() if key not in ("in_chans", "num_classes")}
    reasons |= {key: f"{value} asked for" for key, value in kept.items()}
    if reasons:
        return f"{opening}: published {published:.2f}, this run {got:.2f} with {_listed(reasons)}: nothing is claimed"
    low, high = published - recipe.band, published + recipe.band
    place = "below" if got < low else "above" if got > high else "inside"
    return f"{opening}: published {published:.2f}, band {low:.1f}..{high:.1f}, this run {got:.2f}, {place}"


def _listed(changed: dict[str, str]) -> str:
    return ", ".join(f"{key} {text}" for key, text in changed.items())


def _is_data_of(recipe: Recipe, dataset: Dataset) -> bool:
    return dataset.name == recipe.data or (len(dataset.classes), len(dataset.train)) == SIZES.get(recipe.data or "")
