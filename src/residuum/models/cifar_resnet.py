"""CIFAR networks of depth 6n + 2 and their plain twins (He15 section 4.2).

Three stages of n blocks at sizes 32, 16 and 8; each block has two 3x3 convolutions. The twins differ in one word,
the merge; with shortcut A they have the same parameters, name for name.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..errors import InputError
from ..nn import Block, BranchOnly, Network, basic_branch, cifar_stem, kaiming, pooled_head
from ..nn import stochastic_depth as drop_branches
from ..nn import zero_gamma as start_as_shortcut
from ..nn.branches import ORIGINAL, several_convolutions
from ..nn.image_norms import Norm, pick_image_norm
from ..nn.joints import pick_joint
from ..nn.orders import arrange
from .stages import MakeBlock, stages
from .variant import variant


def blocks_per_stage(depth: int) -> int:
    """Return n of depth = 6n + 2."""
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        below = max(8, depth - rest)
        raise InputError(
            f"depth must be 6n + 2 (8, 14, 20, 32, 44, 56, 110, ...), got {depth}; try {below} or {below + 6}"
        )
    return n


def blocks_past(depth: int, skip_length: int) -> int:
    """Return the blocks of a stage of depth = 6n + 2 whose 2n convolutions stand in blocks of ``skip_length``."""
    layers = 2 * blocks_per_stage(depth)
    if skip_length < 1 or layers % skip_length:
        raise InputError(
            f"skip_length must divide the {layers} convolutions of a stage, got {skip_length}; "
            "20, 38, 56 and 110 layers can be divided by 1, 2 and 3"
        )
    return layers // skip_length


def cifar_resnet(
    depth: int = 20,
    *,
    num_classes: int = 10,
    in_chans: int = 3,
    shortcut: str = "A",
    widths: Sequence[int] = (16, 32, 64),
    norm: str = "batch",
    zero_gamma: bool = False,
    stochastic_depth: float = 0.0,
    skip_length: int = 2,
) -> Network:
    """Build a residual network: y = relu(shortcut(x) + branch(x)).

    Args:
        depth: 6n + 2.
        num_classes: how many logits.
        in_chans: channels of the images.
        shortcut: "A" (zero padding), "B" (projection where shapes change), "C" (projection everywhere), or a kind of
            He16 table 1: "constant_scaling", "exclusive_gating", "shortcut_gating", "conv1x1", "dropout".
        widths: channels of the three stages.
        norm: "batch", "layer" or "none".
        zero_gamma: start every block as its shortcut.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less (Hua16).
        skip_length: 3x3 convolutions that a shortcut leads past; it must divide a stage's.
    """
    joint, make_norm = pick_joint(shortcut), pick_image_norm(norm)
    counted = blocks_past(depth, skip_length)

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        return Block(
            arrange(several_convolutions(in_channels, out_channels, stride, count=skip_length), ORIGINAL, make_norm),
            shortcut=joint.shortcut(in_channels, out_channels, stride),
            merge=joint.merge(in_channels, out_channels, stride),
            activation=nn.ReLU(),
        )

    network = kaiming(cifar_network(block, counted, num_classes, in_chans, widths, make_norm))
    drop_branches(network, stochastic_depth)
    return start_as_shortcut(network) if zero_gamma else network


def cifar_plain(
    depth: int = 20,
    *,
    num_classes: int = 10,
    in_chans: int = 3,
    widths: Sequence[int] = (16, 32, 64),
    norm: str = "batch",
) -> Network:
    """Build the plain twin: y = relu(branch(x)), nothing carried."""
    make_norm = pick_image_norm(norm)

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        branch = basic_branch(in_channels, out_channels, stride, norm=make_norm)
        return Block(branch, merge=BranchOnly(), activation=nn.ReLU())

    return kaiming(cifar_network(block, blocks_per_stage(depth), num_classes, in_chans, widths, make_norm))


def cifar_network(
    block: MakeBlock, n: int, num_classes: int, in_chans: int, widths: Sequence[int], norm: Norm
) -> Network:
    """Set n blocks into each of three stages, between the CIFAR stem and a pooled head."""
    return Network(
        stem=cifar_stem(in_chans, widths[0], norm),
        stages=stages(block, [n, n, n], [widths[0], *widths]),
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )


BUILDERS = {"cifar_resnet": cifar_resnet, "cifar_plain": cifar_plain}

VARIANTS = {
    "cifar_plain20": variant(cifar_plain, depth=20, source="He15 figure 6", image_size=32),
    "cifar_plain32": variant(cifar_plain, depth=32, source="He15 figure 6", image_size=32),
    "cifar_plain44": variant(cifar_plain, depth=44, source="He15 figure 6", image_size=32),
    "cifar_plain56": variant(cifar_plain, depth=56, source="He15 figure 6", image_size=32),
    "cifar_plain110": variant(cifar_plain, depth=110, source="He15 section 4.2", image_size=32),
    "cifar_plain1202": variant(cifar_plain, depth=1202, source="twin of cifar_resnet1202", image_size=32),
    "cifar_resnet20": variant(cifar_resnet, depth=20, source="He15 table 6", image_size=32),
    "cifar_resnet32": variant(cifar_resnet, depth=32, source="He15 table 6", image_size=32),
    "cifar_resnet44": variant(cifar_resnet, depth=44, source="He15 table 6", image_size=32),
    "cifar_resnet56": variant(cifar_resnet, depth=56, source="He15 table 6", image_size=32),
    "cifar_resnet110": variant(cifar_resnet, depth=110, source="He15 table 6", image_size=32),
    "cifar_resnet1202": variant(cifar_resnet, depth=1202, source="He15 table 6", image_size=32),
    "cifar_resnet110_stochastic": variant(
        cifar_resnet, depth=110, stochastic_depth=0.5, source="Huang et al. 2016, arXiv:1603.09382", image_size=32
    ),
}
