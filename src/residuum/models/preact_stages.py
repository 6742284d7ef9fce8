"""Stages of blocks in any order of norms, activations and convolutions (He16 table 2).

Within a stage of a pre-activation network nothing acts between the blocks. Where shapes change, both shortcut and
branch take the activated stream (He16 appendix): here the block before gives it, as its activation. The last block of
the network ends the same way, "an extra activation right after its element-wise addition".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from ..nn import Block
from ..nn.orders import Order, outer
from ..nn.shortcuts import Shortcut

OrderedBranch = Callable[[int, int, int, Order], nn.Module]


def opened(order: Order) -> Order:
    """Return the order of a block that receives an activated stream: nothing before its first convolution."""
    return order._replace(before=())


def preact_stages(
    branch: OrderedBranch,
    carry: Shortcut,
    order: Order,
    blocks: Sequence[int],
    widths: Sequence[int],
    first: Order | None = None,
) -> list[nn.Module]:
    """Build one stage for each entry of ``blocks``; ``widths`` begins with the stem's and has one entry more.

    Args:
        branch: ``(in_channels, out_channels, stride, order)`` to a branch.
        carry: the shortcut.
        order: of every block but the first of each stage, which is opened.
        blocks: how many blocks each stage has.
        widths: the stem's channels, then each stage's.
        first: the order of the network's first block; opened, for a stem that ends in an activation, by default.
    """
    entries = [first or opened(order), *[opened(order)] * (len(blocks) - 1)]
    strides = [1] + [2] * (len(blocks) - 1)
    steps = zip(blocks, entries, pairwise(widths), strides, strict=True)

    def block(in_channels: int, out_channels: int, stride: int, own: Order, closing: nn.Module) -> Block:
        return Block(
            branch(in_channels, out_channels, stride, own),
            shortcut=carry(in_channels, out_channels, stride),
            activation=closing,
        )

    result: list[nn.Module] = []
    for count, entry, (before, after), stride in steps:
        shapes = [(before, after, stride, entry), *[(after, after, 1, order)] * (count - 1)]
        closings = [outer(order.outside, after) for _ in shapes[:-1]]
        closings.append(outer(order.outside + order.before, after))
        result.append(nn.Sequential(*(block(*shape, closing) for shape, closing in zip(shapes, closings, strict=True))))
    return result
