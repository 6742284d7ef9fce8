"""Stages: blocks in a row, the first of which may change size and width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

MakeBlock = Callable[[int, int, int], nn.Module]


def stage(block: MakeBlock, blocks: int, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Build ``blocks`` blocks; the first goes from in_channels to out_channels at the given stride."""
    first = block(in_channels, out_channels, stride)
    return nn.Sequential(first, *(block(out_channels, out_channels, 1) for _ in range(blocks - 1)))


def stages(block: MakeBlock, blocks: Sequence[int], widths: Sequence[int]) -> list[nn.Module]:
    """Build one stage for each entry of ``blocks``; ``widths`` begins with the stem's and has one entry more.

    The first stage keeps the size, each later one halves it.
    """
    strides = [1] + [2] * (len(blocks) - 1)
    return [
        stage(block, count, before, after, stride)
        for count, (before, after), stride in zip(blocks, pairwise(widths), strides, strict=True)
    ]
