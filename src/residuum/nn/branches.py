"""Branches: what a block computes beside its shortcut.

A branch is a few convolutions, set among norms and activations in one of the orders of He16. Every part here has the
signature ``(in_channels, out_channels, stride)``; a page fixes further arguments with ``functools.partial``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from ..errors import InputError
from .convolutions import conv1x1, conv3x3
from .image_norms import Norm
from .orders import ORDERS, arrange
from .squeeze_excite import SqueezeExcite

Branch = Callable[[int, int, int], nn.Sequential]
Convolutions = Callable[[int, int, int], list[nn.Conv2d]]

ORIGINAL = ORDERS["original"]


def basic_convolutions(in_channels: int, out_channels: int, stride: int = 1) -> list[nn.Conv2d]:
    """Build two 3x3 convolutions, the stride on the first (He15 figure 5, left)."""
    return [conv3x3(in_channels, out_channels, stride), conv3x3(out_channels, out_channels)]


def several_convolutions(in_channels: int, out_channels: int, stride: int = 1, *, count: int = 2) -> list[nn.Conv2d]:
    """Build N 3x3 convolutions, the stride on the first (Zagoruyko and Komodakis 2016, table 3: B(3, 3, ...))."""
    return [
        conv3x3(in_channels, out_channels, stride),
        *(conv3x3(out_channels, out_channels) for _ in range(count - 1)),
    ]


def bottleneck_convolutions(
    in_channels: int, out_channels: int, stride: int = 1, *, groups: int = 1, base_width: int = 64
) -> list[nn.Conv2d]:
    """Build 1x1, 3x3, 1x1 convolutions, the stride on the 3x3 ("v1.5", as torchvision and most weights have it).

    Inside it is ``out_channels / 4 * base_width / 64 * groups`` wide: a quarter by default, grouped in ResNeXt
    (Xie17 table 1), twice as wide with ``base_width=128`` (Zag16).
    """
    width = inner_width(out_channels, groups, base_width)
    return [
        conv1x1(in_channels, width),
        conv3x3(width, width, stride, groups=groups),
        conv1x1(width, out_channels),
    ]


def bottleneck_v1_convolutions(in_channels: int, out_channels: int, stride: int = 1) -> list[nn.Conv2d]:
    """Build 1x1, 3x3, 1x1 convolutions, the stride on the first 1x1 (He15 figure 5, right: "v1")."""
    width = inner_width(out_channels)
    return [conv1x1(in_channels, width, stride), conv3x3(width, width), conv1x1(width, out_channels)]


def inner_width(out_channels: int, groups: int = 1, base_width: int = 64) -> int:
    """Return the number of channels inside a bottleneck."""
    return out_channels // 4 * base_width // 64 * groups


def basic_branch(in_channels: int, out_channels: int, stride: int = 1, *, norm: Norm = nn.BatchNorm2d) -> nn.Sequential:
    """Build conv1, norm1, act1, conv2, norm2 of 3x3 convolutions (He15 figure 5, left).

    >>> [name for name, _ in basic_branch(16, 32, stride=2).named_children()]
    ['conv1', 'norm1', 'act1', 'conv2', 'norm2']
    """
    return arrange(basic_convolutions(in_channels, out_channels, stride), ORIGINAL, norm)


def bottleneck_branch(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
    *,
    groups: int = 1,
    base_width: int = 64,
    norm: Norm = nn.BatchNorm2d,
) -> nn.Sequential:
    """Build conv1 (1x1), norm1, act1, conv2 (3x3, strided), norm2, act2, conv3 (1x1), norm3: "v1.5".

    >>> branch = bottleneck_branch(64, 256, stride=2)
    >>> branch.conv2.stride, branch.conv2.in_channels
    ((2, 2), 64)
    """
    convolutions = bottleneck_convolutions(in_channels, out_channels, stride, groups=groups, base_width=base_width)
    return arrange(convolutions, ORIGINAL, norm)


def bottleneck_v1_branch(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Build the bottleneck with the stride on its first convolution, as He15 trained it.

    >>> branch = bottleneck_v1_branch(64, 256, stride=2)
    >>> branch.conv1.stride, branch.conv2.stride
    ((2, 2), (1, 1))
    """
    return arrange(bottleneck_v1_convolutions(in_channels, out_channels, stride), ORIGINAL)


BOTTLENECKS: dict[str, Branch] = {"conv1": bottleneck_v1_branch, "conv2": bottleneck_branch}


def pick_bottleneck(stride_on: str) -> Branch:
    """Return the bottleneck with the stride on that convolution: "conv1" is v1, "conv2" is v1.5."""
    if stride_on not in BOTTLENECKS:
        raise InputError(f"stride_on must be conv1 (v1, He15) or conv2 (v1.5, torchvision), got {stride_on!r}")
    return BOTTLENECKS[stride_on]


def grouped_branch(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
    *,
    group_width: int,
    gate: Callable[[int], nn.Module] | None = None,
) -> nn.Sequential:
    """Build a bottleneck as wide inside as outside, its 3x3 convolution in groups of so many channels.

    A gate stands behind the 3x3 convolution. Source: Radosavovic et al. 2020, arXiv:2003.13678, section 4 ("X block").
    """
    width = min(group_width, out_channels)
    convolutions = [
        conv1x1(in_channels, out_channels),
        conv3x3(out_channels, out_channels, stride, groups=out_channels // width),
        conv1x1(out_channels, out_channels),
    ]
    layers = OrderedDict(arrange(convolutions, ORIGINAL).named_children())
    if gate is not None:
        layers["se"] = gate(out_channels)
        for name in ("conv3", "norm3"):
            layers.move_to_end(name)
    return nn.Sequential(layers)


def squeezed(branch: Branch, gate: Callable[[int], nn.Module] = SqueezeExcite) -> Branch:
    """Return the branch with a gate on its channels as its last layer (Hu et al. 2017, arXiv:1709.01507).

    >>> [name for name, _ in squeezed(basic_branch)(16, 16).named_children()][-1]
    'se'
    """

    def build(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
        layers = branch(in_channels, out_channels, stride)
        layers.add_module("se", gate(out_channels))
        return layers

    return build
