"""A row of a family's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Variant:
    """A published model: the builder with its arguments, and where it was published.

    >>> residuum.models.VARIANTS["resnet50"].depth, residuum.models.VARIANTS["resnet50"].image_size
    (50, 224)
    """

    builder: Callable[..., nn.Module]
    arguments: dict[str, Any]
    source: str
    image_size: int  # the size that the source trains and counts at, pixels; 0: it takes no images
    input_shape: tuple[int, ...]  # one example as counted: an image's [channels, height, width], a text's [tokens]
    layers: int | None = None  # the depth, where no argument of the builder says it

    @property
    def depth(self) -> int:
        """Counted layers, as in "ResNet-56": weighted ones on the longest path; a transformer's and an LSTM's own."""
        return self.arguments["depth"] if self.layers is None else self.layers


def variant(
    builder: Callable[..., nn.Module],
    *,
    source: str,
    image_size: int = 0,
    input_shape: tuple[int, ...] | None = None,
    layers: int | None = None,
    **arguments: Any,
) -> Variant:
    """Build a row of a VARIANTS table; without an input_shape it is counted on a colour image of image_size."""
    return Variant(builder, arguments, source, image_size, input_shape or (3, image_size, image_size), layers)
