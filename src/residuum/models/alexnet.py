"""AlexNet, the plain ancestor of all (Krizhevsky 2014, arXiv:1404.5997: one tower).

Five convolutions, each the block that carries nothing, y = relu(branch(x)), and three fully connected layers. Built
like torchvision's, so that its weights give the same bits.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from ..nn import Block, BranchOnly, Network
from ..nn.heads import classifier
from .variant import variant


def plain_layer(in_channels: int, out_channels: int, kernel_size: int) -> Block:
    """Build y = relu(conv(x)), the size kept."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
    return Block(nn.Sequential(OrderedDict(conv=conv)), merge=BranchOnly(), activation=nn.ReLU())


def alexnet(*, num_classes: int = 1000, in_chans: int = 3, hidden: int = 4096, dropout: float = 0.5) -> Network:
    """Build the network of 8 layers.

    Args:
        num_classes: how many logits.
        in_chans: channels of the images.
        hidden: width of the two hidden fully connected layers.
        dropout: probability of dropping their inputs in training.
    """
    stem = nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_chans, 64, 11, stride=4, padding=2), act=nn.ReLU(), pool=nn.MaxPool2d(3, stride=2)
        )
    )
    middle = nn.Sequential(plain_layer(64, 192, 5))
    last = nn.Sequential(
        nn.MaxPool2d(3, stride=2), plain_layer(192, 384, 3), plain_layer(384, 256, 3), plain_layer(256, 256, 3)
    )
    head = nn.Sequential(
        OrderedDict(
            halve=nn.MaxPool2d(3, stride=2),
            pool=nn.AdaptiveAvgPool2d(6),
            flatten=nn.Flatten(1),
            drop1=nn.Dropout(dropout),
            fc1=nn.Linear(256 * 6 * 6, hidden),
            act1=nn.ReLU(),
            drop2=nn.Dropout(dropout),
            fc2=nn.Linear(hidden, hidden),
            act2=nn.ReLU(),
            fc=classifier(hidden, num_classes),
        )
    )
    return Network(stem, [middle, last], head, num_features=hidden, min_size=63)


BUILDERS = {"alexnet": alexnet}

VARIANTS = {"alexnet": variant(alexnet, layers=8, source="arXiv:1404.5997", image_size=224)}
