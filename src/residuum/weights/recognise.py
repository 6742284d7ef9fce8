"""Tell the model from its tensors' names and shapes alone."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..models import BUILDERS, VARIANTS
from ..models.resnet import LAYOUTS

Shapes = Mapping[str, tuple[int, ...]]

_BLOCK = re.compile(r"stages\.(\d+)\.(\d+)\.")


@dataclass(frozen=True)
class Candidate:
    """A builder and arguments that could have made the tensors."""

    builder: str
    arguments: dict[str, Any]

    def named(self) -> tuple[str, dict[str, Any]]:
        """Return a published variant's name where one fits, else the builder's, with the arguments still needed."""
        builder = BUILDERS[self.builder]
        arguments = {key: value for key, value in self.arguments.items() if value != _default(builder, key)}
        full = {key: _default(builder, key) for key in inspect.signature(builder).parameters} | self.arguments
        for name, row in VARIANTS.items():
            if row.builder is builder and all(full.get(key) == value for key, value in row.arguments.items()):
                return name, {key: value for key, value in arguments.items() if key not in row.arguments}
        return self.builder, arguments


@dataclass(frozen=True)
class Layout:
    """What a network of stages shows of itself."""

    blocks: tuple[int, ...]  # per stage
    widths: tuple[int, ...]  # out of each stage
    convolutions: int  # in a branch
    stem_kernel: int
    stem_width: int
    in_chans: int
    num_classes: int
    shortcut: str  # "A", "B" or "C"


def candidates(shapes: Shapes) -> Iterator[Candidate]:
    """Yield what could have made tensors of these (grammar) names and shapes, the usual first."""
    layout = read_layout(shapes)
    for recogniser in RECOGNISERS:
        if layout is not None and (found := recogniser(layout)) is not None:
            yield found


def read_layout(shapes: Shapes) -> Layout | None:
    """Return the layout, or None where the names show no stem and stages."""
    stem = shapes.get("stem.conv.weight", ())
    blocks = sorted({(int(found[1]), int(found[2])) for name in shapes if (found := _BLOCK.match(name))})
    if len(stem) != 4 or not blocks:
        return None
    counts = tuple(sum(stage == number for stage, _ in blocks) for number in range(blocks[-1][0] + 1))
    convolutions = sum(re.fullmatch(r"stages\.0\.0\.branch\.conv\d\.weight", name) is not None for name in shapes)
    projected = sum(f"stages.{stage}.{block}.shortcut.conv.weight" in shapes for stage, block in blocks)
    last = [shapes.get(f"stages.{stage}.0.branch.conv{convolutions}.weight", (0,)) for stage in range(len(counts))]
    return Layout(
        blocks=counts,
        widths=tuple(shape[0] for shape in last),
        convolutions=convolutions,
        stem_kernel=stem[2],
        stem_width=stem[0],
        in_chans=stem[1],
        num_classes=shapes.get("head.fc.weight", (0,))[0],
        shortcut="C" if projected == len(blocks) else "B" if projected else "A",
    )


def cifar_resnet(layout: Layout) -> Candidate | None:
    """Three stages of basic blocks behind a 3x3 stem."""
    if (len(layout.blocks), layout.stem_kernel, layout.convolutions) != (3, 3, 2) or len(set(layout.blocks)) != 1:
        return None
    sizes = _sizes(layout)
    arguments = {"depth": 6 * layout.blocks[0] + 2, "shortcut": layout.shortcut, "widths": layout.widths, **sizes}
    return Candidate("cifar_resnet", arguments)


def resnet(layout: Layout) -> Candidate | None:
    """Four stages behind a 7x7 stem, by the blocks' table."""
    for depth, (_, blocks, widths) in LAYOUTS.items():
        fits = (2 if depth < 50 else 3) == layout.convolutions
        if fits and (blocks, widths, 7) == (layout.blocks, layout.widths, layout.stem_kernel):
            return Candidate("resnet", {"depth": depth, "shortcut": layout.shortcut, **_sizes(layout)})
    return None


def _sizes(layout: Layout) -> dict[str, int]:
    return {"num_classes": layout.num_classes, "in_chans": layout.in_chans}


def _default(builder: Callable[..., Any], key: str) -> Any:
    parameter = inspect.signature(builder).parameters.get(key)
    return None if parameter is None else parameter.default


RECOGNISERS: tuple[Callable[[Layout], Candidate | None], ...] = (cifar_resnet, resnet)
