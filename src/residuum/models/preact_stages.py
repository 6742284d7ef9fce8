"""Stages of blocks in any order of norms, activations and convolutions (He16 table 2).

Within a stage of a pre-activation network nothing acts between the blocks. Where shapes change, both shortcut and
branch take the activated stream (He16 appendix): here the block before gives it, as its activation. The last block of
the network ends the same way, "an extra activation right after its element-wise addition".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from ..nn import Block
from ..nn.branches import Branch
from ..nn.image_norms import Norm
from ..nn.orders import Order, outer
from ..nn.shortcuts import Shortcut

Entry = Callable[[nn.Sequential, Order], nn.Sequential]


def opened(branch: nn.Sequential, order: Order) -> nn.Sequential:
    """Return the branch of a block that receives an activated stream: nothing before its first convolution."""
    return nn.Sequential(OrderedDict(list(branch.named_children())[len(order.before) :]))


def whole(branch: nn.Sequential, order: Order) -> nn.Sequential:
    """Return the branch of a block that receives a clean stream."""
    return branch


def preact_stages(
    branch: Branch,
    carry: Shortcut,
    order: Order,
    blocks: Sequence[int],
    widths: Sequence[int],
    entry: Entry = opened,
    norm: Norm = nn.BatchNorm2d,
) -> list[nn.Module]:
    """Build one stage for each entry of ``blocks``; ``widths`` begins with the stem's and has one entry more.

    Args:
        branch: ``(in_channels, out_channels, stride)`` to a branch in that order.
        carry: the shortcut.
        order: where norms and activations stand.
        blocks: how many blocks each stage has.
        widths: the stem's channels, then each stage's.
        entry: what the network's first block keeps of its branch: ``opened`` behind a stem that ends in an
            activation, else ``whole``. The first block of each later stage is opened.
        norm: what the stages' ends have.
    """
    entries = [entry, *[opened] * (len(blocks) - 1)]
    strides = [1] + [2] * (len(blocks) - 1)
    steps = zip(blocks, entries, pairwise(widths), strides, strict=True)

    def block(in_channels: int, out_channels: int, stride: int, keep: Entry, closing: nn.Module) -> Block:
        return Block(
            keep(branch(in_channels, out_channels, stride), order),
            shortcut=carry(in_channels, out_channels, stride),
            activation=closing,
        )

    result: list[nn.Module] = []
    for count, enter, (before, after), stride in steps:
        entrances: list[tuple[int, int, Entry]] = [(before, stride, enter), *[(after, 1, whole)] * (count - 1)]
        closings = [outer(order.outside, after, norm) for _ in entrances[:-1]]
        closings.append(outer(order.outside + order.before, after, norm))
        made = (
            block(channels, after, step, keep, closing)
            for (channels, step, keep), closing in zip(entrances, closings, strict=True)
        )
        result.append(nn.Sequential(*made))
    return result
