"""Wide networks: fewer blocks, wider branches (Zag16).

On ImageNet, bottlenecks twice as wide inside: y = relu(shortcut(x) + branch(x)). On CIFAR ("WRN-depth-k"),
pre-activation blocks of two 3x3 convolutions, k times as wide, with dropout between them if asked for.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from ..errors import InputError
from ..nn import Network, bottleneck_branch, cifar_stem, kaiming, pooled_head
from ..nn import zero_gamma as start_as_shortcut
from ..nn.branches import basic_convolutions
from ..nn.orders import ORDERS, arrange
from ..nn.shortcuts import bare_option_b, pick_shortcut
from .preact_stages import preact_stages
from .resnet import bottleneck_layout, residual_network
from .variant import variant

PREACTIVATION = ORDERS["full_preactivation"]


def wide_resnet(
    depth: int = 50,
    *,
    widen: int = 2,
    num_classes: int = 1000,
    in_chans: int = 3,
    shortcut: str = "B",
    zero_gamma: bool = False,
) -> Network:
    """Build a residual network whose bottlenecks are ``widen`` times as wide inside.

    Args:
        depth: 50, 101, 152 or 200.
        widen: the factor.
        num_classes: how many logits.
        in_chans: channels of the images.
        shortcut: "A", "B", "C" or "D".
        zero_gamma: start every block as its shortcut.
    """
    bottleneck_layout(depth)
    branch = partial(bottleneck_branch, base_width=64 * widen)
    network = residual_network(depth, branch, pick_shortcut(shortcut), num_classes=num_classes, in_chans=in_chans)
    return start_as_shortcut(network) if zero_gamma else network


def cifar_wide_resnet(
    depth: int = 28, *, widen: int = 10, num_classes: int = 10, in_chans: int = 3, dropout: float = 0.0
) -> Network:
    """Build WRN-depth-widen: y = shortcut(x) + branch(x) in three stages of n blocks.

    Args:
        depth: 6n + 4.
        widen: k; the stages have 16k, 32k and 64k channels.
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping between a branch's two convolutions (Zag16 section 2.4).
    """
    n, rest = divmod(depth - 4, 6)
    if rest or n < 1:
        below = max(10, depth - rest)
        raise InputError(f"depth must be 6n + 4 (10, 16, 22, 28, 40, ...), got {depth}; try {below} or {below + 6}")
    widths = [16 * widen, 32 * widen, 64 * widen]
    branch = partial(dropped_branch, dropout=dropout)
    network = Network(
        stem=cifar_stem(in_chans, 16),
        stages=preact_stages(branch, bare_option_b, PREACTIVATION, [n, n, n], [16, *widths]),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )
    return kaiming(network)


def dropped_branch(in_channels: int, out_channels: int, stride: int = 1, *, dropout: float) -> nn.Sequential:
    """Build the pre-activated 3x3-3x3 branch with dropout before the second convolution."""
    branch = arrange(basic_convolutions(in_channels, out_channels, stride), PREACTIVATION)
    layers = nn.Sequential()
    for name, layer in branch.named_children():
        if name == "conv2":
            layers.add_module("drop", nn.Dropout(dropout))
        layers.add_module(name, layer)
    return layers


BUILDERS = {"wide_resnet": wide_resnet, "cifar_wide_resnet": cifar_wide_resnet}

VARIANTS = {
    "wide_resnet50_2": variant(wide_resnet, depth=50, widen=2, source="Zag16 table 8", image_size=224),
    "wide_resnet101_2": variant(wide_resnet, depth=101, widen=2, source="torchvision", image_size=224),
    "cifar_wrn16_8": variant(cifar_wide_resnet, depth=16, widen=8, source="Zag16 table 4", image_size=32),
    "cifar_wrn16_10": variant(cifar_wide_resnet, depth=16, widen=10, source="Zag16 table 4", image_size=32),
    "cifar_wrn22_8": variant(cifar_wide_resnet, depth=22, widen=8, source="Zag16 table 4", image_size=32),
    "cifar_wrn22_10": variant(cifar_wide_resnet, depth=22, widen=10, source="Zag16 table 4", image_size=32),
    "cifar_wrn28_10": variant(cifar_wide_resnet, depth=28, widen=10, source="Zag16 table 4", image_size=32),
    "cifar_wrn28_12": variant(cifar_wide_resnet, depth=28, widen=12, source="Zag16 table 4", image_size=32),
    "cifar_wrn40_1": variant(cifar_wide_resnet, depth=40, widen=1, source="Zag16 table 4", image_size=32),
    "cifar_wrn40_2": variant(cifar_wide_resnet, depth=40, widen=2, source="Zag16 table 4", image_size=32),
    "cifar_wrn40_4": variant(cifar_wide_resnet, depth=40, widen=4, source="Zag16 table 4", image_size=32),
    "cifar_wrn40_8": variant(cifar_wide_resnet, depth=40, widen=8, source="Zag16 table 4", image_size=32),
}
