"""A run's settings, all resolved: what ``config.yaml`` holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError
from ..files import write_text


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's numbers."""

    data: str
    model: str
    model_arguments: dict[str, Any]
    weights: str | None
    image_size: list[int]  # height, width, pixels
    mean: list[float]  # one per channel, of values scaled to 0..1
    std: list[float]
    resize: int  # shorter side before the centre crop in evaluation; 0: stretch to image_size
    epochs: int
    batch_size: int
    opt: str
    lr: float
    momentum: float
    weight_decay: float
    sched: str
    warmup_epochs: float
    label_smoothing: float
    pad: int
    flip: bool
    seed: int
    device: str
    precision: str
    threads: int
    workers: int
    strict: bool
    licence: str

    def write(self, path: Path) -> None:
        """Write the settings as YAML."""
        write_text(path, yaml.safe_dump(asdict(self), sort_keys=False))


def read_settings(path: Path) -> Settings:
    """Read ``config.yaml``, naming keys that are missing or unknown."""
    if not path.exists():
        raise InputError(
            f"{path.parent} is no run: it has no {path.name}; give the folder that a training run has written"
        )
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    known = {field.name for field in fields(Settings)}
    if not isinstance(found, dict) or set(found) != known:
        difference = sorted(known ^ set(found if isinstance(found, dict) else {}))
        raise InputError(f"{path} must hold the keys of a run's settings; missing or unknown: {', '.join(difference)}")
    return Settings(**found)


def differing(saved: Settings, asked: dict[str, Any]) -> list[str]:
    """Return ``key: saved X, asked Y`` for each asked value that is not the saved one."""
    stored = asdict(saved)
    return [f"{key}: saved {stored[key]}, asked {value}" for key, value in asked.items() if stored[key] != value]
