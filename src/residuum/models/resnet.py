"""ImageNet networks of 18 to 152 layers and the plain twins of the first two (He15 section 4.1, table 1).

Stages of 3x3 blocks at a quarter, an eighth, a sixteenth and a thirty-second of the image; from 50 layers on
the branch is a bottleneck. Built like torchvision's, so that its weights give the same bits.
"""

from __future__ import annotations

from torch import nn

from ..errors import InputError
from ..nn import Block, BranchOnly, Network, basic_branch, bottleneck_branch, imagenet_stem, kaiming, pooled_head
from ..nn import zero_gamma as start_as_shortcut
from ..nn.branches import Branch
from ..nn.shortcuts import pick_shortcut
from .stages import MakeBlock, stages
from .variant import variant

STEM_WIDTH = 64
BASIC_WIDTHS = (64, 128, 256, 512)
BOTTLENECK_WIDTHS = (256, 512, 1024, 2048)

# depth: branch, blocks per stage, widths per stage (He15 table 1)
LAYOUTS: dict[int, tuple[Branch, tuple[int, ...], tuple[int, ...]]] = {
    18: (basic_branch, (2, 2, 2, 2), BASIC_WIDTHS),
    34: (basic_branch, (3, 4, 6, 3), BASIC_WIDTHS),
    50: (bottleneck_branch, (3, 4, 6, 3), BOTTLENECK_WIDTHS),
    101: (bottleneck_branch, (3, 4, 23, 3), BOTTLENECK_WIDTHS),
    152: (bottleneck_branch, (3, 8, 36, 3), BOTTLENECK_WIDTHS),
}


def resnet(
    depth: int = 50,
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    shortcut: str = "B",
    zero_gamma: bool = False,
) -> Network:
    """Build a residual network: y = relu(shortcut(x) + branch(x)).

    Args:
        depth: 18, 34, 50, 101 or 152.
        num_classes: how many logits.
        in_chans: channels of the images.
        shortcut: "A" (zero padding), "B" (projection where shapes change) or "C" (projection everywhere).
        zero_gamma: start every block as its shortcut.
    """
    branch, carry = _layout(depth)[0], pick_shortcut(shortcut)

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        return Block(
            branch(in_channels, out_channels, stride),
            shortcut=carry(in_channels, out_channels, stride),
            activation=nn.ReLU(),
        )

    network = kaiming(_network(block, depth, num_classes, in_chans))
    return start_as_shortcut(network) if zero_gamma else network


def plain(depth: int = 34, *, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build the plain twin: y = relu(branch(x)), nothing carried."""
    branch = _layout(depth)[0]

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        return Block(branch(in_channels, out_channels, stride), merge=BranchOnly(), activation=nn.ReLU())

    return kaiming(_network(block, depth, num_classes, in_chans))


def _layout(depth: int) -> tuple[Branch, tuple[int, ...], tuple[int, ...]]:
    if depth not in LAYOUTS:
        raise InputError(f"depth must be one of {', '.join(map(str, LAYOUTS))}, got {depth}")
    return LAYOUTS[depth]


def _network(block: MakeBlock, depth: int, num_classes: int, in_chans: int) -> Network:
    _, blocks, widths = _layout(depth)
    return Network(
        stem=imagenet_stem(in_chans, STEM_WIDTH),
        stages=stages(block, blocks, [STEM_WIDTH, *widths]),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )


BUILDERS = {"resnet": resnet, "plain": plain}

VARIANTS = {
    "plain18": variant(plain, depth=18, source="He15 table 2", image_size=224),
    "plain34": variant(plain, depth=34, source="He15 table 2", image_size=224),
    "resnet18": variant(resnet, depth=18, source="He15 table 1", image_size=224),
    "resnet34": variant(resnet, depth=34, source="He15 table 1", image_size=224),
    "resnet50": variant(resnet, depth=50, source="He15 table 1, stride as in torchvision", image_size=224),
    "resnet101": variant(resnet, depth=101, source="He15 table 1, stride as in torchvision", image_size=224),
    "resnet152": variant(resnet, depth=152, source="He15 table 1, stride as in torchvision", image_size=224),
}
