"""``config.yaml``: a run's settings, all settled, by the panel that owns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from residuum_runtime.missing import files_like

from ..errors import InputError
from ..files import write_text
from .declaring import AUTO, PANELS, Open
from .reading import Asked, read_value
from .table import SETTINGS, Settings

# The settings of the first runs, which every file holds; what came later has a value for them (``Setting.before``).
FIRST = {"data", "model", "model_arguments", "weights", "image_size", "mean", "std", "resize", "epochs", "batch_size",
         "opt", "lr", "momentum", "weight_decay", "sched", "warmup_epochs", "label_smoothing", "pad", "flip", "seed",
         "device", "precision", "threads", "workers", "strict", "licence"}  # fmt: skip


def write_settings(settings: Settings, path: Path) -> None:
    """Write the settings as YAML, nested by panel."""
    values = asdict(settings)
    nested = {
        panel: {name: values[name] for name, declared in SETTINGS.items() if declared.panel == panel}
        for panel in PANELS
    }
    write_text(path, yaml.safe_dump(nested, sort_keys=False))


def read_settings(path: Path) -> Settings:
    """Read ``config.yaml``, nested or flat as earlier versions wrote it, naming keys that are missing or unknown."""
    if not path.exists():
        hint = "give the folder that a training run has written" if path.parent.is_dir() else files_like(path.parent)
        raise InputError(f"{path.parent} is no run: it has no {path.name}; {hint}")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    values = flat(found)
    if difference := sorted((FIRST - set(values)) | (set(values) - set(SETTINGS))):
        raise InputError(f"{path} must hold the keys of a run's settings; missing or unknown: {', '.join(difference)}")
    try:
        return Settings(**{name: read_value(name, value) for name, value in values.items()})  # pyright: ignore
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def flat(found: Any) -> dict[str, Any]:
    """Return the settings of a file by name; a name that stands under another panel than its own keeps that prefix."""
    if not isinstance(found, Mapping):
        return {}
    if not isinstance(found.get("data"), Mapping):
        return dict(found)
    return {
        name if name in SETTINGS and SETTINGS[name].panel == panel else f"{panel}.{name}": value
        for panel, section in found.items()
        for name, value in (section if isinstance(section, Mapping) else {"": section}).items()
    }


def before() -> dict[str, Any]:
    """Return the values of runs that are older than a setting, by name."""
    return {name: declared.before for name, declared in SETTINGS.items() if not isinstance(declared.before, Open)}


def differing(saved: Settings, asked: Asked) -> list[str]:
    """Return ``key: saved X, asked Y`` for each asked value that is not the saved one.

    Of the model's arguments those count that are asked for. A cache whose size is left open is any.
    """
    stored, parts = asdict(saved), asked.get("model_arguments") or {}
    assert isinstance(parts, dict)
    pairs = [(key, stored[key], value) for key, value in asked.items() if key != "model_arguments"]
    pairs += [(key, stored["model_arguments"].get(key), value) for key, value in parts.items()]
    pairs = [(key, before, value) for key, before, value in pairs if not (key == "cache" and value == AUTO and before)]
    return [f"{key}: saved {before}, asked {value}" for key, before, value in pairs if before != value]
