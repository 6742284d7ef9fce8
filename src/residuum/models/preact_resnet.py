"""Pre-activation networks: nothing acts on the stream between blocks (He16).

y = shortcut(x) + branch(x), the branch beginning with norm and activation. The other orders of He16 table 2 are
picked by name.
"""

from __future__ import annotations

from torch import nn

from ..errors import InputError, pick
from ..nn import (
    Block,
    BranchOnly,
    Network,
    cifar_stem,
    clean_stem,
    imagenet_stem,
    kaiming,
    pooled_first_stem,
    pooled_head,
)
from ..nn import stochastic_depth as drop_branches
from ..nn.branches import Branch, Convolutions, basic_convolutions, bottleneck_convolutions, bottleneck_v1_convolutions
from ..nn.orders import ORDERS, Order, arrange, pick_order
from ..nn.shortcuts import PREACTIVATION_SHORTCUTS, bare_option_b, pick_shortcut
from ..nn.stems import Stem
from .preact_stages import Entry, opened, preact_stages, whole
from .resnet import BASIC_WIDTHS, BOTTLENECK_WIDTHS, STEM_WIDTH, layout
from .variant import variant

FULL = ORDERS["full_preactivation"]

# branch: its convolutions, the layers that a block adds to the depth in all three stages, widths (He16 section 4.1)
CIFAR_BRANCHES: dict[str, tuple[Convolutions, int, tuple[int, ...]]] = {
    "basic": (basic_convolutions, 6, (16, 32, 64)),
    "bottleneck": (bottleneck_v1_convolutions, 9, (64, 128, 256)),
}


def ordered(convolutions: Convolutions, order: Order = FULL) -> Branch:
    """Return the branch that sets these convolutions in that order."""

    def build(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
        return arrange(convolutions(in_channels, out_channels, stride), order)

    return build


def cifar_preact_resnet(
    depth: int = 164,
    *,
    branch: str = "bottleneck",
    num_classes: int = 10,
    in_chans: int = 3,
    order: str = "full_preactivation",
    shortcut: str = "B",
    stochastic_depth: float = 0.0,
    plain: bool = False,
) -> Network:
    """Build a CIFAR network of three stages of n blocks, in any order of He16 table 2.

    Args:
        depth: 9n + 2 with bottlenecks (1x1, 3x3, 1x1; the stride on the first), 6n + 2 with the basic branch.
        branch: "bottleneck" or "basic".
        num_classes: how many logits.
        in_chans: channels of the images.
        order: "original", "norm_after_add", "act_before_add", "act_preactivation" or "full_preactivation".
        shortcut: "A" (zero padding; only adds channels) or "B" (a bare 1x1 convolution) where shapes change.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less (Hua16).
        plain: nothing is carried past the branches: the twin without shortcuts.
    """
    if plain and stochastic_depth:
        raise InputError("a plain network cannot drop branches, nothing else leads on; leave stochastic_depth out")
    convolutions, layers, widths = pick(CIFAR_BRANCHES, branch, "branch")
    n = blocks_of(depth, layers)
    arrangement, carry = pick_order(order), pick_shortcut(shortcut, PREACTIVATION_SHORTCUTS)
    if plain:
        carry = nothing_carried
    network = Network(
        stem=cifar_stem(in_chans, 16),
        stages=preact_stages(ordered(convolutions, arrangement), carry, arrangement, [n, n, n], [16, *widths]),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )
    for module in network.modules():
        if plain and isinstance(module, Block):
            module.merge = BranchOnly()
    return drop_branches(kaiming(network), stochastic_depth)


def nothing_carried(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Return the shortcut of a block that carries nothing: it has no weights, and its merge forgets it."""
    return nn.Identity()


def blocks_of(depth: int, layers: int) -> int:
    """Return n of depth = layers * n + 2."""
    n, rest = divmod(depth - 2, layers)
    if rest or n < 1:
        below = max(layers + 2, depth - rest)
        raise InputError(f"depth must be {layers}n + 2 with this branch, got {depth}; try {below} or {below + layers}")
    return n


# where the first norm and activation stand: the stem, and what the first block keeps of its branch
HE16_STEM: tuple[Stem, Entry] = (imagenet_stem, opened)
STEMS: dict[str, dict[int, tuple[Stem, Entry]]] = {
    "timm": {BASIC_WIDTHS[0]: (clean_stem, whole), BOTTLENECK_WIDTHS[0]: (pooled_first_stem, opened)},
    "He16": {BASIC_WIDTHS[0]: HE16_STEM, BOTTLENECK_WIDTHS[0]: HE16_STEM},
}


def preact_resnet(
    depth: int = 50, *, num_classes: int = 1000, in_chans: int = 3, stem: str = "timm", stochastic_depth: float = 0.0
) -> Network:
    """Build an ImageNet network: y = shortcut(x) + branch(x), the bottleneck's stride on its 3x3 convolution.

    Args:
        depth: 18, 34, 50, 101, 152 or 200.
        num_classes: how many logits.
        in_chans: channels of the images.
        stem: "He16" has norm and activation between the 7x7 convolution and the pooling; "timm" behind the pooling
            (and, where the first block keeps its shape, inside that block's branch), as its published weights need.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less (Hua16).
    """
    stems = pick(STEMS, stem, "stem")
    _, blocks, widths = layout(depth)
    make_stem, entry = stems[widths[0]]
    convolutions = basic_convolutions if widths is BASIC_WIDTHS else bottleneck_convolutions
    network = Network(
        stem=make_stem(in_chans, STEM_WIDTH),
        stages=preact_stages(ordered(convolutions), bare_option_b, FULL, blocks, [STEM_WIDTH, *widths], entry),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )
    return drop_branches(kaiming(network), stochastic_depth)


BUILDERS = {"cifar_preact_resnet": cifar_preact_resnet, "preact_resnet": preact_resnet}

VARIANTS = {
    "cifar_preact_resnet110": variant(
        cifar_preact_resnet, depth=110, branch="basic", shortcut="A", source="He16 table 2", image_size=32
    ),
    "cifar_preact_resnet164": variant(cifar_preact_resnet, depth=164, source="He16 table 3", image_size=32),
    "cifar_preact_resnet1001": variant(cifar_preact_resnet, depth=1001, source="He16 table 3", image_size=32),
    "preact_resnet18": variant(preact_resnet, depth=18, source="timm resnetv2_18", image_size=224),
    "preact_resnet34": variant(preact_resnet, depth=34, source="timm resnetv2_34", image_size=224),
    "preact_resnet50": variant(preact_resnet, depth=50, source="timm resnetv2_50", image_size=224),
    "preact_resnet101": variant(preact_resnet, depth=101, source="timm resnetv2_101", image_size=224),
    "preact_resnet152": variant(preact_resnet, depth=152, source="He16 table 5", image_size=224),
    "preact_resnet200": variant(preact_resnet, depth=200, source="He16 table 5", image_size=224),
}
