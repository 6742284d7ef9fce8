"""Orders: where norms and activations stand around a branch's convolutions (He16 table 2)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from torch import nn

from ..errors import pick
from .image_norms import Norm

Kinds = tuple[str, ...]  # of "norm" and "act", as x meets them


class Order(NamedTuple):
    """What stands before the first convolution, between two, after the last, and outside on the joined stream.

    >>> ORDERS["full_preactivation"].before
    ('norm', 'act')
    """

    before: Kinds
    between: Kinds
    after: Kinds
    outside: Kinds


ORDERS: dict[str, Order] = {  # He16 figure 4, (a) to (e)
    "original": Order(before=(), between=("norm", "act"), after=("norm",), outside=("act",)),
    "norm_after_add": Order(before=(), between=("norm", "act"), after=(), outside=("norm", "act")),
    "act_before_add": Order(before=(), between=("norm", "act"), after=("norm", "act"), outside=()),
    "act_preactivation": Order(before=("act",), between=("norm", "act"), after=("norm",), outside=()),
    "full_preactivation": Order(before=("norm", "act"), between=("norm", "act"), after=(), outside=()),
}


def pick_order(name: str) -> Order:
    """Return the order of that name, or say which names there are."""
    return pick(ORDERS, name, "order")


def arrange(convolutions: Sequence[nn.Conv2d], order: Order, norm: Norm = nn.BatchNorm2d) -> nn.Sequential:
    """Build the branch: its layers are named by kind and counted as x meets them (conv1, norm1, act1, conv2, ...).

    >>> branch = arrange([torch.nn.Conv2d(8, 8, 3, padding=1)], ORDERS["full_preactivation"])
    >>> [name for name, _ in branch.named_children()]
    ['norm1', 'act1', 'conv1']
    """
    layers = _layers(order.before, convolutions[0].in_channels, norm)
    for number, convolution in enumerate(convolutions, 1):
        kinds = order.between if number < len(convolutions) else order.after
        layers += [("conv", convolution), *_layers(kinds, convolution.out_channels, norm)]
    return numbered(layers)


def outer(kinds: Kinds, channels: int, norm: Norm = nn.BatchNorm2d) -> nn.Module:
    """Build the part that acts on the joined stream: nothing, an activation, or a norm and an activation."""
    if kinds == ():
        return nn.Identity()
    if kinds == ("act",):
        return nn.ReLU()
    return nn.Sequential(OrderedDict(_layers(kinds, channels, norm)))


def numbered(layers: Sequence[tuple[str, nn.Module]]) -> nn.Sequential:
    """Build a sequence whose layers are named by their kind and its count: norm1, act1, conv1, norm2, ..."""
    counts: Counter[str] = Counter()
    named: OrderedDict[str, nn.Module] = OrderedDict()
    for kind, layer in layers:
        counts[kind] += 1
        named[f"{kind}{counts[kind]}"] = layer
    return nn.Sequential(named)


def _layers(kinds: Kinds, channels: int, norm: Norm) -> list[tuple[str, nn.Module]]:
    return [(kind, norm(channels) if kind == "norm" else nn.ReLU()) for kind in kinds]
