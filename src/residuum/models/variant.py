"""A row of a family's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Variant:
    """A published model: the builder with its arguments, and where it was published."""

    builder: Callable[..., nn.Module]
    arguments: dict[str, Any]
    source: str
    image_size: int  # the size that the source trains and counts at, pixels
    layers: int | None = None  # the depth, where no argument of the builder says it

    @property
    def depth(self) -> int:
        """Counted layers: weighted convolutions and linear layers on the longest path, as in "ResNet-56"."""
        return self.arguments["depth"] if self.layers is None else self.layers


def variant(
    builder: Callable[..., nn.Module], *, source: str, image_size: int, layers: int | None = None, **arguments: Any
) -> Variant:
    """Build a row of a VARIANTS table."""
    return Variant(builder, arguments, source, image_size, layers)
