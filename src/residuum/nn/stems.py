"""Stems: from images to the first stage's channels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from .convolutions import conv3x3
from .image_norms import Norm

Stem = Callable[[int, int], nn.Module]


def cifar_stem(in_chans: int, width: int, norm: Norm = nn.BatchNorm2d) -> nn.Module:
    """Build one 3x3 convolution, norm and activation: keeps the size (He15 section 4.2).

    >>> cifar_stem(3, 16)(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 16, 32, 32])
    """
    return nn.Sequential(OrderedDict(conv=conv3x3(in_chans, width), norm=norm(width), act=nn.ReLU()))


def imagenet_stem(in_chans: int, width: int, norm: Norm = nn.BatchNorm2d) -> nn.Module:
    """Build a 7x7 convolution of stride 2, norm, activation and max pooling: divides the size by 4 (He15 table 1).

    >>> imagenet_stem(3, 64)(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 64, 16, 16])
    """
    return nn.Sequential(imagenet_layers(in_chans, width, norm))


def imagenet_layers(in_chans: int, width: int, norm: Norm = nn.BatchNorm2d) -> OrderedDict[str, nn.Module]:
    """Build the layers of the ImageNet stem by name."""
    return OrderedDict(
        conv=nn.Conv2d(in_chans, width, 7, stride=2, padding=3, bias=False),
        norm=norm(width),
        act=nn.ReLU(),
        pool=nn.MaxPool2d(3, stride=2, padding=1),
    )


def deep_stem(in_chans: int, width: int, *, inner: tuple[int, int] | None = None) -> nn.Module:
    """Build three 3x3 convolutions, the first of stride 2, and max pooling: divides the size by 4.

    The first two have ``inner`` channels, by default half of the width each. Source: He et al. 2018,
    arXiv:1812.01187, figure 2 (b), "ResNet-C" and "-D".

    >>> deep_stem(3, 64)(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 64, 16, 16])
    """
    first, second = inner or (width // 2, width // 2)
    layers = [
        *(("conv1", conv3x3(in_chans, first, 2)), ("norm1", nn.BatchNorm2d(first)), ("act1", nn.ReLU())),
        *(("conv2", conv3x3(first, second)), ("norm2", nn.BatchNorm2d(second)), ("act2", nn.ReLU())),
        *(("conv3", conv3x3(second, width)), ("norm3", nn.BatchNorm2d(width)), ("act3", nn.ReLU())),
        ("pool", nn.MaxPool2d(3, stride=2, padding=1)),
    ]
    return nn.Sequential(OrderedDict(layers))


def clean_stem(in_chans: int, width: int) -> nn.Module:
    """Build a 7x7 convolution of stride 2 and max pooling alone, before a block that begins with its own norm.

    >>> [name for name, _ in clean_stem(3, 64).named_children()]
    ['conv', 'pool']
    """
    layers = imagenet_layers(in_chans, width)
    return nn.Sequential(OrderedDict((name, layers[name]) for name in ("conv", "pool")))


def pooled_first_stem(in_chans: int, width: int) -> nn.Module:
    """Build the ImageNet stem with norm and activation behind the pooling (timm's pre-activation networks).

    >>> [name for name, _ in pooled_first_stem(3, 64).named_children()]
    ['conv', 'pool', 'norm', 'act']
    """
    layers = imagenet_layers(in_chans, width)
    return nn.Sequential(OrderedDict((name, layers[name]) for name in ("conv", "pool", "norm", "act")))
