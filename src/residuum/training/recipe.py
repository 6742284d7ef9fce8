"""Recipes by their paper's name: settings from ``recipes/NAME.yaml``, and what may be claimed at the run's end."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields, replace
from importlib.resources import files
from typing import Any

import yaml

from ..data import SOURCES, Dataset
from ..data.part import parse_part
from ..errors import InputError, nearest
from .given import read_given
from .plan import COMMON
from .settings import Settings

FOLDER = files("residuum.training") / "recipes"

# What may differ from the recipe without its being another recipe, or is looked at by itself.
FREE = {"data", "model", "model_arguments", "recipe", "seed", "device", "precision", "val_precision", "kernels",
        "winograd", "threads", "workers", "processes", "strict", "max_pixels", "licence", "checkpoint_every",
        "keep"}  # fmt: skip

# How the data that results were published for are told: classes, training and test pictures.
SIZES = {"cifar10": (10, 50_000, 10_000), "imagenet": (1000, 1_281_167, 50_000)}


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

    def settings_for(self, model: str | None) -> dict[str, Any]:
        """Return the settings for that model, or for the recipe's own."""
        name = model or self.settings.get("model")
        return {**self.settings, **self.models.get(name or "", {}), **({"model": name} if name else {})}


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
    models = {model: read_given(values) for model, values in recipe.models.items()}
    return replace(recipe, settings=read_given(recipe.settings), models=models)


def with_recipe(given: dict[str, Any]) -> dict[str, Any]:
    """Lay what the user said over what the named recipe says; without a recipe nothing changes."""
    if given.get("recipe") is None:
        return given
    recipe = read_recipe(given["recipe"])
    values = recipe.settings_for(given.get("model"))
    if recipe.data in SOURCES:
        values["data"] = recipe.data
    if given.get("data") and _source(given["data"]) != recipe.data:
        values = {key: value for key, value in values.items() if key not in ("pad", "flip")}  # these follow the data
    return {**values, **given}


def changes(settings: Settings) -> dict[str, str]:
    """Return by name what the run does otherwise than its recipe, as ``20 instead of 164``."""
    expected = _expected(settings)
    done = {entry.name: getattr(settings, entry.name) for entry in fields(Settings)}
    if done["batch_size"] * done["grad_accum"] == expected["batch_size"] * expected["grad_accum"]:
        expected |= {key: done[key] for key in ("batch_size", "grad_accum")}  # the same gradient
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


def verdict(settings: Settings, dataset: Dataset, error: float | None, named: str = "this run") -> str:
    """Set the run's result beside the published one; claim nothing for a run that was changed or not finished.

    Args:
        settings: the run's.
        dataset: the run's.
        error: of the run's end, percent; None where it has not ended.
        named: whose error it is.
    """
    recipe = read_recipe(settings.recipe or "")
    opening = f"recipe {settings.recipe}, {recipe.measure}"
    published = recipe.published.get(settings.model)
    if error is None:
        return f"{opening}: the run has not ended, nothing is claimed"
    if published is None:
        return f"{opening}: no result is published for {settings.model}; {named} {error:.2f}"
    reasons = changes(settings)
    if not _is_data_of(recipe, dataset):
        held = len(dataset.test or dataset.val)
        reasons["data"] = f"{dataset.name} ({len(dataset.train):,} and {held:,} images) instead of {recipe.data}"
    kept = {key: value for key, value in settings.model_arguments.items() if key not in ("in_chans", "num_classes")}
    reasons |= {key: f"{value} asked for" for key, value in kept.items()}
    if reasons:
        return f"{opening}: published {published:.2f}, {named} {error:.2f} with {_listed(reasons)}: nothing is claimed"
    low, high = published - recipe.band, published + recipe.band
    place = "below" if error < low else "above" if error > high else "inside"
    return f"{opening}: published {published:.2f}, band {low:.1f}..{high:.1f}, {named} {error:.2f}, {place}"


def _listed(changed: dict[str, str]) -> str:
    return ", ".join(f"{key} {text}" for key, text in changed.items())


def _source(data: str) -> str:
    part = parse_part(data)
    return data if part is None else part.source


def _is_data_of(recipe: Recipe, dataset: Dataset) -> bool:
    sizes = len(dataset.classes), len(dataset.train), len(dataset.test or dataset.val)
    return sizes == SIZES.get(recipe.data or "") and (dataset.name == recipe.data or dataset.name not in SOURCES)
