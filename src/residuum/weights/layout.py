"""The layout of a network of stages, read from its tensors' names and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]

STEMS = (
    "stem.conv.weight",
    "stem.conv1.weight",
    "stem.whiten.weight",
    "stages.0.0.branch.conv.weight",
)  # the first convolution

_BLOCK = re.compile(r"stages\.(\d{1,4})\.(\d{1,4})\.")


@dataclass(frozen=True)
class Layout:
    """The layout of a network of stages."""

    shapes: Shapes
    blocks: tuple[int, ...]  # blocks with tensors, per stage
    shortcut: str  # "A": no tensors, "B": where shapes change, "C": everywhere

    def has(self, part: str) -> bool:
        """Return whether any name contains the part."""
        return any(part in name for name in self.shapes)

    def even(self, stages: int) -> bool:
        """Return whether there are that many stages with the same number of blocks each."""
        return len(self.blocks) == stages and len(set(self.blocks)) == 1

    @property
    def convolutions(self) -> int:
        """Return the number of numbered modules of that kind in the first block's branch."""
        return self.convolutions_of(0, 0)

    def convolutions_of(self, stage: int, block: int) -> int:
        """Return the number of numbered convolutions in a block's branch."""
        branch = re.compile(rf"stages\.{stage}\.{block}\.branch\.conv\d\.weight")
        return sum(branch.fullmatch(name) is not None for name in self.shapes)

    @property
    def outer_norms(self) -> bool:
        """Whether norms act on the merged stream, as in pre-activation networks."""
        return self.has(".activation.norm.")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels out of each stage's first branch."""
        last = f"conv{self.convolutions}" if self.convolutions else "conv"
        return tuple(self._shape(f"stages.{stage}.0.branch.{last}.weight")[0] for stage in range(len(self.blocks)))

    @property
    def projected(self) -> tuple[int, ...]:
        """Channels out of each stage's first inverted residual."""
        return tuple(self._shape(f"stages.{stage}.0.branch.project.weight")[0] for stage in range(len(self.blocks)))

    @property
    def groups(self) -> int:
        """Groups of a bottleneck's middle convolution."""
        middle = self._shape("stages.0.0.branch.conv2.weight")
        even = middle[0] % middle[1] == 0  # otherwise the network was pruned
        return middle[0] // middle[1] if self.convolutions == 3 and even else 1

    @property
    def base_width(self) -> int:
        """Channels of one group of a bottleneck's middle convolution in the first stage; 64 in ResNets."""
        return self._shape("stages.0.0.branch.conv2.weight")[0] // self.groups if self.convolutions == 3 else 64

    @property
    def sizes(self) -> dict[str, int]:
        """Logits and channels of the images."""
        stem = first_convolution(self.shapes)
        in_chans = stem[1] if len(stem) == 4 and stem[1] else 3
        return {"num_classes": (*self.shapes.get("head.fc.weight", ()), 0)[0], "in_chans": in_chans}

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = self.shapes.get(name, ())
        return shape if len(shape) == 4 and 0 not in shape else (1, 1, 1, 1)


def read_layout(shapes: Shapes) -> Layout | None:
    """Return the layout, or None where the names show no stages of convolutions."""
    blocks = sorted({(int(found[1]), int(found[2])) for name in shapes if (found := _BLOCK.match(name))})
    if not any(name in shapes for name in STEMS) or not blocks:
        return None
    projected = sum(f"stages.{stage}.{block}.shortcut.conv.weight" in shapes for stage, block in blocks)
    return Layout(
        shapes=shapes,
        blocks=tuple(sum(stage == number for stage, _ in blocks) for number in range(blocks[-1][0] + 1)),
        shortcut="C" if projected == len(blocks) else "B" if projected else "A",
    )


def first_convolution(shapes: Shapes) -> tuple[int, ...]:
    """Return the shape of the convolution that takes the images, or an empty shape."""
    return next((shapes[name] for name in STEMS if name in shapes), ())
