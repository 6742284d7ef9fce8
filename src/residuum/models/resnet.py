"""ImageNet networks of 18 to 200 layers and the plain twins of the first two (He15 section 4.1, table 1).

Stages of 3x3 blocks at a quarter, an eighth, a sixteenth and a thirty-second of the image; from 50 layers on
the branch is a bottleneck. Built like torchvision's, so that its weights give the same bits. The pages that only
change a part (ResNeXt, wide, SE, ResNet-D) fill the same table by ``residual_network``.
"""

from __future__ import annotations

from torch import nn

from ..errors import InputError, pick
from ..nn import Block, BranchOnly, Network, basic_branch, bottleneck_branch, imagenet_stem, kaiming, pooled_head
from ..nn import stochastic_depth as drop_branches
from ..nn import zero_gamma as start_as_shortcut
from ..nn.branches import Branch, pick_bottleneck
from ..nn.shortcuts import Shortcut, option_b, pick_shortcut
from ..nn.stems import Stem
from .stages import MakeBlock, stages
from .variant import variant

STEM_WIDTH = 64
BASIC_WIDTHS = (64, 128, 256, 512)
BOTTLENECK_WIDTHS = (256, 512, 1024, 2048)

# depth: branch, blocks per stage, widths per stage (He15 table 1; 200: He16 section 4.2; 10, 14, 26: timm)
LAYOUTS: dict[int, tuple[Branch, tuple[int, ...], tuple[int, ...]]] = {
    10: (basic_branch, (1, 1, 1, 1), BASIC_WIDTHS),
    14: (bottleneck_branch, (1, 1, 1, 1), BOTTLENECK_WIDTHS),
    18: (basic_branch, (2, 2, 2, 2), BASIC_WIDTHS),
    26: (bottleneck_branch, (2, 2, 2, 2), BOTTLENECK_WIDTHS),
    34: (basic_branch, (3, 4, 6, 3), BASIC_WIDTHS),
    50: (bottleneck_branch, (3, 4, 6, 3), BOTTLENECK_WIDTHS),
    101: (bottleneck_branch, (3, 4, 23, 3), BOTTLENECK_WIDTHS),
    152: (bottleneck_branch, (3, 8, 36, 3), BOTTLENECK_WIDTHS),
    200: (bottleneck_branch, (3, 24, 36, 3), BOTTLENECK_WIDTHS),
}


def resnet(
    depth: int = 50,
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    shortcut: str = "B",
    stride_on: str = "conv2",
    zero_gamma: bool = False,
    stochastic_depth: float = 0.0,
) -> Network:
    """Build a residual network: y = relu(shortcut(x) + branch(x)).

    Args:
        depth: 10, 14, 18, 26, 34, 50, 101, 152 or 200.
        num_classes: how many logits.
        in_chans: channels of the images.
        shortcut: "A" (zero padding), "B" (projection where shapes change), "C" (projection everywhere) or "D"
            (average pooling before the projection).
        stride_on: the bottleneck's convolution that has the stride: "conv1" as in He15 ("v1"), "conv2" as in
            torchvision ("v1.5"); the basic branch has it on conv1.
        zero_gamma: start every block as its shortcut.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less (Hua16).
    """
    bottleneck, branch = pick_bottleneck(stride_on), layout(depth)[0]
    network = residual_network(
        depth,
        bottleneck if branch is bottleneck_branch else branch,
        pick_shortcut(shortcut),
        num_classes=num_classes,
        in_chans=in_chans,
    )
    drop_branches(network, stochastic_depth)
    return start_as_shortcut(network) if zero_gamma else network


def plain(depth: int = 34, *, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build the plain twin: y = relu(branch(x)), nothing carried."""
    branch = layout(depth)[0]

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        return Block(branch(in_channels, out_channels, stride), merge=BranchOnly(), activation=nn.ReLU())

    return kaiming(imagenet_network(block, depth, imagenet_stem, num_classes, in_chans))


def residual_network(
    depth: int,
    branch: Branch,
    carry: Shortcut = option_b,
    stem: Stem = imagenet_stem,
    *,
    num_classes: int,
    in_chans: int,
) -> Network:
    """Fill He15 table 1 with that branch, shortcut and stem: y = relu(shortcut(x) + branch(x))."""

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        return Block(
            branch(in_channels, out_channels, stride),
            shortcut=carry(in_channels, out_channels, stride),
            activation=nn.ReLU(),
        )

    return kaiming(imagenet_network(block, depth, stem, num_classes, in_chans))


def imagenet_network(block: MakeBlock, depth: int, stem: Stem, num_classes: int, in_chans: int) -> Network:
    """Set the blocks of that depth into four stages, between a stem and a pooled head."""
    _, blocks, widths = layout(depth)
    return Network(
        stem=stem(in_chans, STEM_WIDTH),
        stages=stages(block, blocks, [STEM_WIDTH, *widths]),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )


def layout(depth: int) -> tuple[Branch, tuple[int, ...], tuple[int, ...]]:
    """Return the row of He15 table 1, or say which depths there are."""
    return pick(LAYOUTS, depth, "depth")


def bottleneck_layout(depth: int) -> tuple[Branch, tuple[int, ...], tuple[int, ...]]:
    """Return the row for a family that has bottlenecks only."""
    deep = [known for known, (branch, _, _) in LAYOUTS.items() if branch is bottleneck_branch]
    if depth not in deep:
        raise InputError(f"depth must be one of {', '.join(map(str, deep))} (bottlenecks), got {depth}")
    return LAYOUTS[depth]


BUILDERS = {"resnet": resnet, "plain": plain}

VARIANTS = {
    "plain18": variant(plain, depth=18, source="He15 table 2", image_size=224),
    "plain34": variant(plain, depth=34, source="He15 table 2", image_size=224),
    "resnet18": variant(resnet, depth=18, source="He15 table 1", image_size=224),
    "resnet26": variant(resnet, depth=26, source="timm resnet26", image_size=224),
    "resnet34": variant(resnet, depth=34, source="He15 table 1", image_size=224),
    "resnet50": variant(resnet, depth=50, source="He15 table 1, stride as in torchvision", image_size=224),
    "resnet101": variant(resnet, depth=101, source="He15 table 1, stride as in torchvision", image_size=224),
    "resnet152": variant(resnet, depth=152, source="He15 table 1, stride as in torchvision", image_size=224),
    "resnet200": variant(resnet, depth=200, source="He16 table 5, stride as in torchvision", image_size=224),
    "resnet50_v1": variant(resnet, depth=50, stride_on="conv1", source="He15 table 1", image_size=224),
    "resnet101_v1": variant(resnet, depth=101, stride_on="conv1", source="He15 table 1", image_size=224),
    "resnet152_v1": variant(resnet, depth=152, stride_on="conv1", source="He15 table 1", image_size=224),
}
