"""VGG: a plain ancestor, 3x3 convolutions in a row (Simonyan and Zisserman 2014, arXiv:1409.1556, table 1).

Each layer is the block that carries nothing: y = relu(branch(x)), the branch one convolution, with or without a norm.
Each stage after the first begins by halving the map. Built like torchvision's, so that its weights give the same bits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from ..errors import pick
from ..nn import Block, BranchOnly, Network, kaiming, normal_linear, zero_biases
from ..nn.heads import classifier
from .variant import variant

WIDTHS = (64, 128, 256, 512, 512)

# depth: convolutions per stage (table 1: A, B, D, E)
LAYOUTS: dict[int, tuple[int, ...]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def conv_layers(in_channels: int, out_channels: int) -> nn.Module:
    """Build a 3x3 convolution with bias."""
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(in_channels, out_channels, 3, padding=1)))


def normed_layers(in_channels: int, out_channels: int) -> nn.Module:
    """Build a 3x3 convolution with bias and a batch norm."""
    conv, norm = nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels)
    return nn.Sequential(OrderedDict(conv=conv, norm=norm))


def vgg(
    depth: int = 16, *, num_classes: int = 1000, in_chans: int = 3, hidden: int = 4096, dropout: float = 0.5
) -> Network:
    """Build the network without batch norm.

    Args:
        depth: 11, 13, 16 or 19.
        num_classes: how many logits.
        in_chans: channels of the images.
        hidden: width of the two hidden fully connected layers.
        dropout: probability of dropping their outputs in training.
    """
    return _network(conv_layers, depth, in_chans, hidden_head(num_classes, hidden, dropout), hidden)


def vgg_bn(
    depth: int = 16, *, num_classes: int = 1000, in_chans: int = 3, hidden: int = 4096, dropout: float = 0.5
) -> Network:
    """Build the network with batch norm after each convolution; arguments as in ``vgg``."""
    return _network(normed_layers, depth, in_chans, hidden_head(num_classes, hidden, dropout), hidden)


def hidden_head(num_classes: int, hidden: int, dropout: float) -> nn.Module:
    """Build pooling to 7x7 and three fully connected layers."""
    return nn.Sequential(
        OrderedDict(
            halve=nn.MaxPool2d(2),
            pool=nn.AdaptiveAvgPool2d(7),
            flatten=nn.Flatten(1),
            fc1=nn.Linear(WIDTHS[-1] * 7 * 7, hidden),
            act1=nn.ReLU(),
            drop1=nn.Dropout(dropout),
            fc2=nn.Linear(hidden, hidden),
            act2=nn.ReLU(),
            drop2=nn.Dropout(dropout),
            fc=classifier(hidden, num_classes),
        )
    )


def _network(
    layers: Callable[[int, int], nn.Module], depth: int, in_chans: int, head: nn.Module, hidden: int
) -> Network:
    layout = pick(LAYOUTS, depth, "depth")
    made: list[nn.Module] = []
    channels = in_chans
    for count, width in zip(layout, WIDTHS, strict=True):
        blocks: list[nn.Module] = [nn.MaxPool2d(2)] if made else []
        for _ in range(count):
            blocks.append(Block(layers(channels, width), merge=BranchOnly(), activation=nn.ReLU()))
            channels = width
        made.append(nn.Sequential(*blocks))
    network = Network(nn.Sequential(), made, head, num_features=hidden, min_size=32)
    return zero_biases(normal_linear(kaiming(network)), (nn.Conv2d, nn.Linear))


BUILDERS = {"vgg": vgg, "vgg_bn": vgg_bn}

VARIANTS = {
    "vgg11": variant(vgg, depth=11, source="arXiv:1409.1556, table 1, A", image_size=224),
    "vgg13": variant(vgg, depth=13, source="arXiv:1409.1556, table 1, B", image_size=224),
    "vgg16": variant(vgg, depth=16, source="arXiv:1409.1556, table 1, D", image_size=224),
    "vgg19": variant(vgg, depth=19, source="arXiv:1409.1556, table 1, E", image_size=224),
    "vgg11_bn": variant(vgg_bn, depth=11, source="torchvision", image_size=224),
    "vgg13_bn": variant(vgg_bn, depth=13, source="torchvision", image_size=224),
    "vgg16_bn": variant(vgg_bn, depth=16, source="torchvision", image_size=224),
    "vgg19_bn": variant(vgg_bn, depth=19, source="torchvision", image_size=224),
}
