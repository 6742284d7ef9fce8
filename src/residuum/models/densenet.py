"""DenseNet: every layer sees the maps of all layers before it in its stage (Hua16).

y = [x, branch(x)]: the merge concatenates instead of adding, and each branch adds ``growth`` channels. Between stages
a plain block narrows and halves the stream.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import nn

from ..errors import InputError, pick
from ..nn import Block, BranchOnly, Concatenate, Network, imagenet_stem, kaiming, normed_head, zero_biases
from ..nn.convolutions import conv1x1, conv3x3
from ..nn.orders import ORDERS, arrange
from .stages import MakeBlock
from .variant import variant

PREACTIVATION = ORDERS["full_preactivation"]

# depth: growth, stem's channels, layers per stage (Hua16 table 1; 161: its authors' published weights)
LAYOUTS: dict[int, tuple[int, int, tuple[int, ...]]] = {
    121: (32, 64, (6, 12, 24, 16)),
    161: (48, 96, (6, 12, 36, 24)),
    169: (32, 64, (6, 12, 32, 32)),
    201: (32, 64, (6, 12, 48, 32)),
}


def dense_block(branch: MakeBlock, channels: int, growth: int) -> Block:
    """Build y = [x, branch(x)]: ``growth`` more channels."""
    return Block(branch(channels, growth, 1), merge=Concatenate())


def dense_branch(in_channels: int, growth: int, stride: int = 1, *, dropout: float = 0.0) -> nn.Sequential:
    """Build norm, activation and a 3x3 convolution (Hua16 section 3, composite function)."""
    return dropped(arrange([conv3x3(in_channels, growth)], PREACTIVATION), dropout)


def bottleneck_dense_branch(in_channels: int, growth: int, stride: int = 1, *, dropout: float = 0.0) -> nn.Sequential:
    """Build the same with a 1x1 convolution to 4 * growth channels before it (Hua16 section 3, DenseNet-B)."""
    convolutions = [conv1x1(in_channels, 4 * growth), conv3x3(4 * growth, growth)]
    return dropped(arrange(convolutions, PREACTIVATION), dropout)


def dropped(branch: nn.Sequential, dropout: float) -> nn.Sequential:
    """Append dropout to the branch."""
    branch.add_module("drop", nn.Dropout(dropout))
    return branch


def transition(in_channels: int, out_channels: int) -> Block:
    """Build the plain block between stages: norm, activation, 1x1 convolution, average pooling by 2."""
    branch = arrange([conv1x1(in_channels, out_channels)], PREACTIVATION)
    branch.add_module("pool", nn.AvgPool2d(2))
    return Block(branch, merge=BranchOnly())


def dense_stages(
    branch: MakeBlock, layers: Sequence[int], channels: int, growth: int, compression: float
) -> tuple[list[nn.Module], int]:
    """Build the stages, each later one beginning with a transition; return them and the channels that come out."""
    result: list[nn.Module] = []
    for count in layers:
        blocks: list[nn.Module] = []
        if result:
            blocks.append(transition(channels, int(channels * compression)))
            channels = int(channels * compression)
        for _ in range(count):
            blocks.append(dense_block(branch, channels, growth))
            channels += growth
        result.append(nn.Sequential(*blocks))
    return result, channels


def densenet(depth: int = 121, *, num_classes: int = 1000, in_chans: int = 3, dropout: float = 0.0) -> Network:
    """Build the ImageNet network (DenseNet-BC: bottleneck branches, transitions that halve the channels).

    Args:
        depth: 121, 161, 169 or 201.
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping each new channel's values in training.
    """
    growth, width, layers = pick(LAYOUTS, depth, "depth")
    branch = partial(bottleneck_dense_branch, dropout=dropout)
    made, channels = dense_stages(branch, layers, width, growth, 0.5)
    return _initialised(imagenet_stem(in_chans, width), made, channels, num_classes, min_size=29)


def cifar_densenet(
    depth: int = 40, *, growth: int = 12, num_classes: int = 10, in_chans: int = 3, dropout: float = 0.0
) -> Network:
    """Build the CIFAR network without bottlenecks and compression.

    Args:
        depth: 3n + 4; each of the three stages has n layers.
        growth: k, the channels that each layer adds.
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping each new channel's values in training (0.2 without augmentation, Hua16).
    """
    n = layers_per_stage(depth, 3)
    made, channels = dense_stages(partial(dense_branch, dropout=dropout), [n, n, n], 16, growth, 1.0)
    return _initialised(bare_stem(in_chans, 16), made, channels, num_classes, min_size=4)


def cifar_densenet_bc(
    depth: int = 100, *, growth: int = 12, num_classes: int = 10, in_chans: int = 3, dropout: float = 0.0
) -> Network:
    """Build the CIFAR network with bottleneck branches and transitions that halve the channels (DenseNet-BC).

    Args:
        depth: 6n + 4; each of the three stages has n layers of two convolutions.
        growth: k, the channels that each layer adds.
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping each new channel's values in training.
    """
    n = layers_per_stage(depth, 6)
    branch = partial(bottleneck_dense_branch, dropout=dropout)
    made, channels = dense_stages(branch, [n, n, n], 2 * growth, growth, 0.5)
    return _initialised(bare_stem(in_chans, 2 * growth), made, channels, num_classes, min_size=4)


def layers_per_stage(depth: int, step: int) -> int:
    """Return n of depth = step * n + 4."""
    n, rest = divmod(depth - 4, step)
    if rest or n < 1:
        below = max(step + 4, depth - rest)
        raise InputError(
            f"depth must be {step}n + 4 (40, 100, 190, 250, ...), got {depth}; try {below} or {below + step}"
        )
    return n


def bare_stem(in_chans: int, width: int) -> nn.Module:
    """Build one 3x3 convolution alone: the first branch begins with a norm."""
    return nn.Sequential(OrderedDict(conv=conv3x3(in_chans, width)))


def _initialised(stem: nn.Module, made: list[nn.Module], channels: int, num_classes: int, *, min_size: int) -> Network:
    network = Network(stem, made, normed_head(channels, num_classes), num_features=channels, min_size=min_size)
    return zero_biases(kaiming(network, "fan_in"), nn.Linear)


BUILDERS = {"densenet": densenet, "cifar_densenet": cifar_densenet, "cifar_densenet_bc": cifar_densenet_bc}

VARIANTS = {
    "densenet121": variant(densenet, depth=121, source="Hua16 table 1", image_size=224),
    "densenet161": variant(densenet, depth=161, source="Hua16, the authors' published weights", image_size=224),
    "densenet169": variant(densenet, depth=169, source="Hua16 table 1", image_size=224),
    "densenet201": variant(densenet, depth=201, source="Hua16 table 1", image_size=224),
    "cifar_densenet40_k12": variant(cifar_densenet, depth=40, growth=12, source="Hua16 table 2", image_size=32),
    "cifar_densenet100_k12": variant(cifar_densenet, depth=100, growth=12, source="Hua16 table 2", image_size=32),
    "cifar_densenet100_k24": variant(cifar_densenet, depth=100, growth=24, source="Hua16 table 2", image_size=32),
    "cifar_densenet_bc100_k12": variant(cifar_densenet_bc, depth=100, growth=12, source="Hua16 table 2", image_size=32),
    "cifar_densenet_bc190_k40": variant(cifar_densenet_bc, depth=190, growth=40, source="Hua16 table 2", image_size=32),
    "cifar_densenet_bc250_k24": variant(cifar_densenet_bc, depth=250, growth=24, source="Hua16 table 2", image_size=32),
}
