"""What a model is: everything that a weights file needs beside its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from torch import nn

from ..errors import InputError


@dataclass
class Preprocessing:
    """From a picture to what the network receives: resize, crop, scale to 0..1, normalise."""

    size: tuple[int, int]  # height, width, pixels
    mean: tuple[float, ...]  # one per channel, of values scaled to 0..1
    std: tuple[float, ...]
    resize: int = 0  # shorter side before the centre crop, pixels; 0: stretch to size


@dataclass
class Description:
    """How to build the model again, and what it was made from."""

    model: str
    arguments: dict[str, Any]
    classes: list[str] = field(default_factory=list)
    preprocessing: Preprocessing | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    licence: str = ""
    provenance: str = ""


def describe(model: nn.Module) -> Description:
    """Return the description that ``create_model`` and ``load`` attach to their models."""
    description = getattr(model, "description", None)
    if not isinstance(description, Description):
        raise InputError(
            f"expected a model made by residuum.create_model or residuum.load, got a bare {type(model).__name__}; "
            "set model.description = residuum.Description(model=NAME, arguments={...})"
        )
    return description


def attach(model: nn.Module, description: Description) -> nn.Module:
    """Attach the description and return the model."""
    cast(Any, model).description = description
    return model
