"""Pre-activation ResNet-18 to -152 for small images, behind a 3x3 stem that keeps the size (kuangliu's pytorch-cifar).

y = shortcut(x) + branch(x) as in the pre-activation ResNets (He16); only here nothing acts behind the last sum, so that
the head pools a stream that is neither normed nor activated.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from ..nn import Network, cifar_stem, kaiming, pooled_head
from ..nn.branches import basic_convolutions, bottleneck_convolutions
from ..nn.convolutions import conv3x3
from ..nn.shortcuts import bare_option_b
from .preact_resnet import FULL, ordered
from .preact_stages import opened, preact_stages, whole
from .resnet import BASIC_WIDTHS, STEM_WIDTH, layout
from .variant import variant


def bare_stem(in_chans: int, width: int) -> nn.Module:
    """Build one 3x3 convolution alone, before a block that begins with its own norm."""
    return nn.Sequential(OrderedDict(conv=conv3x3(in_chans, width)))


def preact_resnet_cifar(depth: int = 18, *, num_classes: int = 10, in_chans: int = 3) -> Network:
    """Build a network for images of 32 pixels, the bottleneck's stride on its 3x3 convolution.

    Args:
        depth: as in He15 table 1.
        num_classes: how many logits.
        in_chans: channels of the images.
    """
    _, blocks, widths = layout(depth)
    # the first bottleneck widens the stream, so that its shortcut takes the activated one, as in every later stage
    basic = (bare_stem, basic_convolutions, whole)
    stem, convolutions, entry = basic if widths is BASIC_WIDTHS else (cifar_stem, bottleneck_convolutions, opened)
    stages = preact_stages(ordered(convolutions), bare_option_b, FULL, blocks, [STEM_WIDTH, *widths], entry)
    last = stages[-1].get_submodule(str(blocks[-1] - 1))
    last.add_module("activation", nn.Identity())
    network = Network(
        stem=stem(in_chans, STEM_WIDTH),
        stages=stages,
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )
    return kaiming(network)


BUILDERS = {"preact_resnet_cifar": preact_resnet_cifar}

_row = partial(variant, preact_resnet_cifar, source="kuangliu/pytorch-cifar models/preact_resnet.py", image_size=32)

VARIANTS = {f"preact_resnet{depth}_cifar": _row(depth=depth) for depth in (18, 34, 50, 101, 152)}
