"""Branches: what a block computes beside its shortcut.

Every part here has the signature ``(in_channels, out_channels, stride)``; read top to bottom, a branch is the order in
which x meets its layers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from .convolutions import conv1x1, conv3x3

Branch = Callable[[int, int, int], nn.Module]


def basic_branch(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build two 3x3 convolutions (He15 figure 5, left)."""
    return nn.Sequential(
        OrderedDict(
            conv1=conv3x3(in_channels, out_channels, stride),
            norm1=nn.BatchNorm2d(out_channels),
            act1=nn.ReLU(),
            conv2=conv3x3(out_channels, out_channels),
            norm2=nn.BatchNorm2d(out_channels),
        )
    )


def bottleneck_branch(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build 1x1, 3x3, 1x1 convolutions, a quarter as wide inside, the stride on the 3x3 ("v1.5").

    He15 (figure 5, right) put the stride on the first 1x1; torchvision and most published weights have it here.
    """
    width = out_channels // 4
    return nn.Sequential(
        OrderedDict(
            conv1=conv1x1(in_channels, width),
            norm1=nn.BatchNorm2d(width),
            act1=nn.ReLU(),
            conv2=conv3x3(width, width, stride),
            norm2=nn.BatchNorm2d(width),
            act2=nn.ReLU(),
            conv3=conv1x1(width, out_channels),
            norm3=nn.BatchNorm2d(out_channels),
        )
    )
