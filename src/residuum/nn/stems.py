"""Stems: from images to the first stage's channels."""

from collections import OrderedDict

from torch import nn

from .convolutions import conv3x3


def cifar_stem(in_chans: int, width: int) -> nn.Module:
    """Build one 3x3 convolution, norm and activation: keeps the size (He15 section 4.2)."""
    return nn.Sequential(OrderedDict(conv=conv3x3(in_chans, width), norm=nn.BatchNorm2d(width), act=nn.ReLU()))


def imagenet_stem(in_chans: int, width: int) -> nn.Module:
    """Build a 7x7 convolution of stride 2, norm, activation and max pooling: divides the size by 4 (He15 table 1)."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_chans, width, 7, stride=2, padding=3, bias=False),
            norm=nn.BatchNorm2d(width),
            act=nn.ReLU(),
            pool=nn.MaxPool2d(3, stride=2, padding=1),
        )
    )
