"""Big Transfer (BiT): pre-activation bottlenecks without batch norm (Kolesnikov et al. 2019, arXiv:1912.11370).

y = shortcut(x) + branch(x) as in the pre-activation ResNets; filters are standardised and groups of channels are
normed, so that every image is judged alone in training too. Built like timm's ``resnetv2_*_bit``.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from ..errors import InputError
from ..nn import Network, kaiming, pooled_head
from ..nn.branches import bottleneck_convolutions
from ..nn.convolutions import conv1x1
from ..nn.image_norms import group_norm
from ..nn.orders import ORDERS, arrange
from ..nn.standardised import standardised
from .preact_stages import preact_stages
from .resnet import STEM_WIDTH, bottleneck_layout
from .variant import variant

FULL = ORDERS["full_preactivation"]


def bit_stem(in_chans: int, width: int) -> nn.Module:
    """Build a 7x7 convolution and pooling over a border of zeros, then norm and activation: divides the size by 4."""
    layers = OrderedDict(
        conv=standardised(nn.Conv2d(in_chans, width, 7, stride=2, padding=3)),
        pool=nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, stride=2)),  # zeros take part, unlike padding of the pool
        norm=group_norm(width),
        act=nn.ReLU(),
    )
    return nn.Sequential(layers)


def bit_branch(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Build norm, activation and convolution three times: 1x1, 3x3 (strided), 1x1, their filters standardised."""
    convolutions = [standardised(conv) for conv in bottleneck_convolutions(in_channels, out_channels, stride)]
    return arrange(convolutions, FULL, group_norm)


def bit_shortcut(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build the identity where shapes agree, else a standardised 1x1 convolution alone."""
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return nn.Sequential(OrderedDict(conv=standardised(conv1x1(in_channels, out_channels, stride))))


def bit_resnet(depth: int = 50, *, widen: int = 1, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build a network of bottlenecks: y = shortcut(x) + branch(x).

    Args:
        depth: 14, 26, 50, 101, 152 or 200.
        widen: how many times as wide as ResNet every layer is.
        num_classes: how many logits.
        in_chans: channels of the images.
    """
    if widen < 1:
        raise InputError(f"widen must be 1 or more, got {widen}")
    _, blocks, widths = bottleneck_layout(depth)
    channels = [widen * width for width in (STEM_WIDTH, *widths)]
    network = Network(
        stem=bit_stem(in_chans, channels[0]),
        stages=preact_stages(bit_branch, bit_shortcut, FULL, blocks, channels, norm=group_norm),
        head=pooled_head(channels[-1], num_classes),
        num_features=channels[-1],
    )
    return kaiming(network)


BUILDERS = {"bit_resnet": bit_resnet}

VARIANTS = {
    f"bit_resnet{depth}x{widen}": variant(
        bit_resnet, depth=depth, widen=widen, source=f"timm resnetv2_{depth}x{widen}_bit", image_size=224
    )
    for depth, widen in ((50, 1), (50, 3), (101, 1), (101, 3), (152, 2), (152, 4))
}
