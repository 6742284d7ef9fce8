"""Fully connected Highway networks (Sri15): y = T*H(x) + (1 - T)*x.

One plain layer brings the pixels to the width, depth - 1 Highway blocks follow, one linear layer ends in logits.
A block is ``Block(branch=H, merge=Gate(T))``: the shortcut is the identity, and how much of it goes on is learnt.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from ..errors import InputError, pick
from ..nn import Add, Block, BranchOnly, Gate, Network, UncoupledGate, linear_gate
from ..nn.flat import flat_head, flat_stem
from .variant import variant


def gate(width: int, bias: float) -> nn.Module:
    """Build the coupled gate, T and 1 - T (Sri15 eq. 3)."""
    return Gate(linear_gate(width, width, bias=bias))


def uncoupled_gate(width: int, bias: float) -> nn.Module:
    """Build two gates, T and C (Sri15 eq. 2); both start on the side of the shortcut."""
    return UncoupledGate(linear_gate(width, width, bias=bias), linear_gate(width, width, bias=-bias))


def add(width: int, bias: float) -> nn.Module:
    """Build T = C = 1: the residual twin."""
    return Add()


def branch_only(width: int, bias: float) -> nn.Module:
    """Build T = 1, C = 0: the plain twin."""
    return BranchOnly()


MERGES: dict[str, Callable[[int, float], nn.Module]] = {
    "gate": gate,
    "uncoupled_gate": uncoupled_gate,
    "add": add,
    "branch_only": branch_only,
}


def layer(width: int) -> nn.Module:
    """Build H: one fully connected layer and ReLU; weights from N(0, 2 / width)."""
    linear = nn.Linear(width, width)
    nn.init.normal_(linear.weight, std=math.sqrt(2 / width))
    return nn.Sequential(OrderedDict(fc=linear, act=nn.ReLU()))


def highway_mlp(
    depth: int = 10,
    *,
    num_classes: int = 10,
    in_chans: int = 1,
    image_size: int = 28,
    width: int = 50,
    merge: str = "gate",
    gate_bias: float = -2.0,
) -> Network:
    """Build y = T*H(x) + (1 - T)*x, T = sigmoid(W x + b), for depth - 1 blocks.

    Args:
        depth: layers before the logits, the plain first one included, as Sri15 counts.
        num_classes: how many logits.
        in_chans: channels of the images.
        image_size: height and width of the images, pixels.
        width: units of a layer; 50 in Sri15 (71 in its plain twins, for as many parameters).
        merge: "gate" (coupled), "uncoupled_gate", "add" (residual twin) or "branch_only" (plain twin).
        gate_bias: where the transform gate's logit starts, below 0 so that blocks start by carrying.
    """
    if depth < 2:
        raise InputError(f"depth must be 2 or more, a plain layer and Highway blocks, got {depth}")
    make_merge = pick(MERGES, merge, "merge")
    if gate_bias >= 0:
        raise InputError(f"gate_bias must be below 0 so that blocks start by carrying, got {gate_bias}; try -2")
    blocks = [Block(layer(width), merge=make_merge(width, gate_bias)) for _ in range(depth - 1)]
    return Network(
        stem=flat_stem(in_chans, image_size, width, nn.ReLU()),
        stages=[nn.Sequential(*blocks)],
        head=flat_head(width, num_classes),
        num_features=width,
    )


MNIST = (1, 28, 28)

BUILDERS = {"highway_mlp": highway_mlp}

VARIANTS = {
    "highway_mlp10": variant(highway_mlp, depth=10, source="Sri15 section 3.1", image_size=28, input_shape=MNIST),
    "highway_mlp20": variant(highway_mlp, depth=20, source="Sri15 section 3.1", image_size=28, input_shape=MNIST),
    "highway_mlp50": variant(highway_mlp, depth=50, source="Sri15 section 3.1", image_size=28, input_shape=MNIST),
    "highway_mlp100": variant(highway_mlp, depth=100, source="Sri15 section 3.1", image_size=28, input_shape=MNIST),
}
