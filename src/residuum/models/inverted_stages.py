"""Stages of inverted residuals, given as rows of a published table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import nn

from ..nn import SqueezeExcite
from ..nn.inverted import Parts, inverted_residual


class Stage(NamedTuple):
    """A row: how much wider the branch is, its depthwise kernel, the first block's stride, channels out, blocks."""

    expansion: int
    kernel: int
    stride: int
    width: int
    blocks: int


Gate = Callable[[int, int], SqueezeExcite | None]  # channels of the stream and of the branch


def no_gate(in_channels: int, expanded: int) -> None:
    """Build nothing."""
    return


def inverted_stages(width: int, stages: Sequence[Stage], parts: Parts, gate: Gate = no_gate) -> list[nn.Module]:
    """Build each stage's blocks; the first of a stage has its stride and its change of width.

    Args:
        width: channels that come out of the stem.
        stages: the table.
        parts: activation, norm and padding.
        gate: what stands in each branch before it narrows.
    """
    built: list[nn.Module] = []
    for stage in stages:
        blocks: list[nn.Module] = []
        for number in range(stage.blocks):
            expanded = width * stage.expansion
            stride = stage.stride if number == 0 else 1
            block = inverted_residual(width, stage.width, stride, expanded=expanded, kernel=stage.kernel,
                                      parts=parts, gate=gate(width, expanded))  # fmt: skip
            blocks.append(block)
            width = stage.width
        built.append(nn.Sequential(*blocks))
    return built
