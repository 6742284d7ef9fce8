"""Recognise families defined by tables: blocks and channels of each stage identify the size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..models.convnext import SIZES as CONVNEXTS
from ..models.efficientnet import LITE_SCALES, SCALES, lite_stages, scaled
from ..models.inverted_stages import Stage
from ..models.mobilenet_v2 import STAGES as MOBILENET_V2
from ..models.mobilenet_v2 import widened
from ..models.mobilenet_v3 import SIZES as MOBILENETS
from ..models.regnet import X_TABLES, Y_TABLES
from .layout import Layout

Found = tuple[str, dict[str, Any]]  # a builder and its arguments

WIDTHS = (1.0, 0.35, 0.5, 0.75, 1.4, 1.3)  # of MobileNetV2, as published


def tabled(layout: Layout) -> Iterator[Found]:
    """Yield the candidates for tensors of this layout."""
    if layout.has(".branch.scale."):
        yield from convnext(layout)
    elif layout.has(".depthwise.") and layout.has("head.conv."):
        yield from mobilenet_v3(layout) if layout.has("head.fc1.") else inverted(layout)
    elif layout.convolutions == 3 and layout.blocks and len(layout.blocks) == 4:
        yield from regnet(layout)


def inverted(layout: Layout) -> Iterator[Found]:
    """EfficientNet has gates; Lite and MobileNetV2 differ in their tables."""
    shape = layout.blocks, layout.projected
    if layout.has(".se."):
        yield from (("efficientnet", {"size": size}) for size, row in SCALES.items() if _table(scaled(row)) == shape)
        return
    for size, row in LITE_SCALES.items():
        if _table(lite_stages(row)) == shape:
            yield "efficientnet_lite", {"size": size}
    if layout.blocks == _table(MOBILENET_V2)[0]:
        yield from (("mobilenet_v2", {"width": width}) for width in WIDTHS if _table(widened(width)) == shape)


def mobilenet_v3(layout: Layout) -> Iterator[Found]:
    """A hidden layer in the head."""
    for size, row in MOBILENETS.items():
        if tuple(map(len, row.stages)) == layout.blocks:
            yield "mobilenet_v3", {"size": size}


def regnet(layout: Layout) -> Iterator[Found]:
    """Four stages of bottlenecks with equal inner and outer width."""
    builder, tables = ("regnet_y", Y_TABLES) if layout.has(".se.") else ("regnet_x", X_TABLES)
    for size, row in tables.items():
        if (row.blocks, row.widths) == (layout.blocks, layout.widths):
            yield builder, {"size": size}


def convnext(layout: Layout) -> Iterator[Found]:
    """A learnt scale on every branch; every stage after the first begins with a block that halves the size."""
    blocks = (layout.blocks[0], *(count - 1 for count in layout.blocks[1:]))
    width = layout.shapes["stem.conv.weight"][0] if "stem.conv.weight" in layout.shapes else 0
    for size, row in CONVNEXTS.items():
        if (row.blocks, row.widths[0]) == (blocks, width):
            yield "convnext", {"size": size}


def _table(stages: Iterable[Stage]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rows = tuple(stages)
    return tuple(row.blocks for row in rows), tuple(row.width for row in rows)
