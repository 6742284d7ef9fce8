"""Recipes: settings from ``recipes/NAME.yaml`` or a file of one's own, and what may be claimed at the run's end."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import InputError, nearest
from .declaring import Open, Value
from .file import before
from .reading import Asked, hint, read_asked
from .table import SETTINGS, Settings

if TYPE_CHECKING:
    from ..data import Dataset

FOLDER = files("residuum.settings") / "recipes"

# How the data that results were published for are told: classes, training and test images.
SIZES = {"cifar10": (10, 50_000, 10_000), "imagenet": (1000, 1_281_167, 50_000)}


# How the data that results were published for are told: classes, training and test images.
SIZES = {"cifar10": (10, 50_000, 10_000), "imagenet": (1000, 1_281_167, 50_000)}


@dataclass(frozen=True)
class Recipe:
    """A published way to train, and its published results."""

    source: str
    settings: dict[str, Value]  # by the names of ``Settings``
    data: str | None = None  # what the results are of
    models: dict[str, dict[str, Value]] = field(default_factory=dict)  # what a model needs otherwise
    published: dict[str, float] = field(default_factory=dict)  # by model
    measure: str = "test error of the last epoch, percent"
    band: float = 0.0  # plus and minus
    band_from: str = ""
    notes: list[str] = field(default_factory=list)

    def settings_for(self, model: str | None) -> dict[str, Value]:
        """Return the settings for that model, or for the recipe's own."""
        name = model or self.settings.get("model")
        return {**self.settings, **self.models.get(str(name), {}), **({"model": name} if name else {})}


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(entry.name.removesuffix(".yaml") for entry in FOLDER.iterdir() if entry.name.endswith(".yaml"))


def recipe_text(name: str) -> str:
    """Return the YAML of the recipe of that name, or of the file at that path, as it is written."""
    if _is_path(name):
        try:
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"recipe {name} cannot be read ({error}); give a YAML file, or a name: {', '.join(recipe_names())}"
            ) from error
    if name not in recipe_names():
        raise InputError(f"no recipe is named {name!r}; {nearest(name, recipe_names())}")
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def read_recipe(name: str) -> Recipe:
    """Return the recipe of that name or path, its keys checked."""
    return parse_recipe(name, recipe_text(name))


def find_recipe(settings: Settings) -> Recipe | None:
    """Return the recipe that a run follows; None where it follows none, or the file of its own has gone."""
    if settings.recipe is None or (_is_path(settings.recipe) and not Path(settings.recipe).is_file()):
        return None
    return read_recipe(settings.recipe)


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
    parts = {"settings": recipe.settings, **recipe.models}
    for part, values in parts.items():
        if not isinstance(values, dict):
            raise InputError(f"recipe {name} must hold settings by name under {part}, got {values!r}")
    if unknown := sorted(set().union(*parts.values()) - set(SETTINGS), key=str):
        raise InputError(f"recipe {name} sets {unknown[0]}, which is no setting; {hint(str(unknown[0]), None)}")
    models = {model: _read(name, values) for model, values in recipe.models.items()}
    return replace(recipe, settings=_read(name, recipe.settings), models=models)


def with_recipe(asked: Asked) -> dict[str, Value]:
    """Return what the user asked for over what the recipe asks for; without a recipe nothing changes."""
    if asked.get("recipe") is None:
        return dict(asked)
    from ..data import SOURCES

    recipe = read_recipe(str(asked["recipe"]))
    model = asked.get("model")
    values = recipe.settings_for(None if model is None else str(model))
    if recipe.data in SOURCES:
        values["data"] = recipe.data
    if asked.get("data") and _source(str(asked["data"])) != recipe.data:
        values = {key: value for key, value in values.items() if key not in ("pad", "flip")}  # these follow the data
    return {**values, **asked}


def data_of(asked: Asked) -> str:
    """Return the data that the user, or else the recipe, asks for."""
    data = with_recipe(asked).get("data")
    if data is None:
        raise InputError("say what to train on: --data digits, cifar10, fashion_mnist, or a folder of images")
    return str(data)


def changes(settings: Settings, recipe: Recipe) -> dict[str, str]:
    """Return by name what the run does otherwise than its recipe, as ``20 instead of 164``."""
    defaults = {name: declared.default for name, declared in SETTINGS.items() if not isinstance(declared.default, Open)}
    expected: dict[str, Any] = {**before(), **defaults, **recipe.settings_for(settings.model)}
    done = {name: getattr(settings, name) for name in SETTINGS}
    if done["batch_size"] * done["grad_accum"] == expected.get("batch_size", 0) * expected["grad_accum"]:
        expected |= {key: done[key] for key in ("batch_size", "grad_accum")}  # the same gradient
    return {
        key: f"{done[key]} instead of {expected[key]}"
        for key in done
        if key in expected and not SETTINGS[key].free and done[key] != expected[key]
    }


def told(settings: Settings) -> str:
    """Say which recipe the run follows and where it does not, before it starts."""
    if (recipe := find_recipe(settings)) is None:
        return f"{settings.recipe} (the file has gone)"
    text = f"{settings.recipe} ({recipe.source})"
    if changed := changes(settings, recipe):
        text += f"; changed: {_listed(changed)}"
    if "epochs" in changed:
        falls = [f"{settings.epochs * milestone:g}" for milestone in settings.milestones]
        shape = f"the rate falls after epochs {' and '.join(falls)}" if settings.sched == "step" else settings.sched
        text += f"; the schedule is scaled to {settings.epochs} epochs ({shape})"
    return text


def verdict(settings: Settings, dataset: Dataset, error: float | None, named: str = "this run") -> str | None:
    """Set the run's result beside the published one; claim nothing for a run that was changed or not finished.

    Returns None where nothing is published.

    Args:
        settings: the run's.
        dataset: the run's.
        error: of the run's end, percent; None where it has not ended.
        named: whose error it is.
    """
    if (recipe := find_recipe(settings)) is None or not recipe.published:
        return None
    opening = f"recipe {settings.recipe}, {recipe.measure}"
    published = recipe.published.get(settings.model)
    if error is None:
        return f"{opening}: the run has not ended, nothing is claimed"
    if published is None:
        return f"{opening}: no result is published for {settings.model}; {named} {error:.2f}"
    reasons = changes(settings, recipe)
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


def _read(name: str, values: dict[str, Any]) -> dict[str, Value]:
    try:
        return read_asked(values)
    except InputError as error:
        raise InputError(f"recipe {name}: {error}") from None


def _is_path(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or Path(name).name != name


def _source(data: str) -> str:
    from ..data.part import parse_part

    part = parse_part(data)
    return data if part is None else part.source


def _is_data_of(recipe: Recipe, dataset: Dataset) -> bool:
    from ..data import SOURCES

    sizes = len(dataset.classes), len(dataset.train), len(dataset.test or dataset.val)
    return sizes == SIZES.get(recipe.data or "") and (dataset.name == recipe.data or dataset.name not in SOURCES)
