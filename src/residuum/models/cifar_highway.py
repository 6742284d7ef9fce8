"""Convolutional Highway networks on CIFAR: every layer learns how much of x it lets pass (Sri15).

y = T(x) * relu(conv(x)) + (1 - T(x)) * x, in three stages of n gated layers; where shapes change, x is padded as in
option A. The transform gate is a convolution of the same kind with a negative bias, so that a new network carries.
Uncoupled gates learn the carried share too: y = T(x) * relu(conv(x)) + C(x) * x.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from ..errors import InputError, pick
from ..nn import Block, Gate, Network, UncoupledGate, conv_gate, kaiming, option_a, pooled_head
from .stages import stages
from .variant import variant

conv_gate3x3 = partial(conv_gate, kernel_size=3)


def coupled(in_channels: int, out_channels: int, stride: int, bias: float) -> nn.Module:
    """Build T and 1 - T (Sri15 eq. 3)."""
    return Gate(conv_gate3x3(in_channels, out_channels, stride, bias=bias))


def uncoupled(in_channels: int, out_channels: int, stride: int, bias: float) -> nn.Module:
    """Build T and a C of its own, which starts open as T starts shut (Sri15 eq. 2)."""
    return UncoupledGate(
        conv_gate3x3(in_channels, out_channels, stride, bias=bias),
        conv_gate3x3(in_channels, out_channels, stride, bias=-bias),
    )


GATES: dict[str, Callable[[int, int, int, float], nn.Module]] = {"coupled": coupled, "uncoupled": uncoupled}


def cifar_highway(
    depth: int = 20,
    *,
    num_classes: int = 10,
    in_chans: int = 3,
    widths: Sequence[int] = (16, 32, 64),
    gates: str = "coupled",
    gate_bias: float = -2.0,
) -> Network:
    """Build a Highway network of 3x3 convolutions without normalisation.

    Args:
        depth: 3n + 2.
        num_classes: how many logits.
        in_chans: channels of the images.
        widths: channels of the three stages.
        gates: "coupled" (carry = 1 - transform) or "uncoupled".
        gate_bias: the transform gates' initial bias, below 0 (Sri15 section 2.2: -1 to -4, lower for deeper).
    """
    n, rest = divmod(depth - 2, 3)
    if rest or n < 1:
        below = max(5, depth - rest)
        raise InputError(f"depth must be 3n + 2 (5, 8, 11, 20, 32, ...), got {depth}; try {below} or {below + 3}")
    merge = pick(GATES, gates, "gates")
    if gate_bias >= 0:
        raise InputError(f"gate_bias must be below 0, so that a new network carries x, got {gate_bias}; try -2")

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        return Block(
            gated_layer(in_channels, out_channels, stride),
            shortcut=option_a(in_channels, out_channels, stride),
            merge=merge(in_channels, out_channels, stride, gate_bias),
        )

    network = Network(
        stem=gated_layer(in_chans, widths[0], 1),
        stages=stages(block, [n, n, n], [widths[0], *widths]),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )
    return kaiming(network)


def gated_layer(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Build H: one 3x3 convolution with bias and its activation."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
    return nn.Sequential(OrderedDict(conv=conv, act=nn.ReLU()))


BUILDERS = {"cifar_highway": cifar_highway}

VARIANTS = {
    "cifar_highway20": variant(cifar_highway, depth=20, source="after Sri15 section 3.3", image_size=32),
    "cifar_highway32": variant(cifar_highway, depth=32, source="after Sri15 section 3.3", image_size=32),
}
