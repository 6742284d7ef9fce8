"""Networks that learn CIFAR-10 in few epochs: y = relu(x + branch(x)), each stage entered through a pooled convolution.

The layout is that of airbench94's Muon version (Jordan 2024, arXiv:2404.00498, section 3) with skips: a whitening of
2x2 patches that is computed and not learned, three stages, and the maximum over the places that are left. A stage
starts with a convolution whose map is pooled and continues with a residual block at the smaller size. Sizes are 32, 16,
8 and 4 pixels for images of 32. The plain twin is airbench's own layout but for its activation and the border of its
stem, whose lack makes airbench's maps of 31, 15, 7 and 3 pixels lose a row and a column at each pooling.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import nn

from ..nn import Add, Block, BranchOnly, Network, arrange
from ..nn.branches import ORIGINAL
from ..nn.convolutions import conv3x3
from ..nn.heads import largest_head
from ..nn.image_norms import Norm, unscaled_norm
from ..nn.initialise import pass_on
from ..nn.whitening import whitened_stem, whitened_width
from .variant import variant


def entry(in_channels: int, out_channels: int, norm: Norm) -> Block:
    """Build a convolution whose map is pooled to half its size, norm and activation: nothing is carried past it."""
    layers = OrderedDict(
        conv1=conv3x3(in_channels, out_channels), pool=nn.MaxPool2d(2), norm1=norm(out_channels), act1=nn.ReLU()
    )
    return Block(nn.Sequential(layers), merge=BranchOnly())


def fast_network(
    merge: type[nn.Module],
    convolutions: Sequence[int],
    num_classes: int,
    in_chans: int,
    widths: Sequence[int],
    momentum: float,
) -> Network:
    """Set an entry and a block of so many convolutions into each stage, between the whitened stem and the head.

    Every filter that can starts by passing its channel on: the plain block starts as the identity before its norm.
    """
    norm = partial(unscaled_norm, momentum=momentum)

    def stage(in_channels: int, out_channels: int, depth: int) -> nn.Module:
        branch = arrange([conv3x3(out_channels, out_channels) for _ in range(depth)], ORIGINAL, norm)
        return nn.Sequential(entry(in_channels, out_channels, norm), Block(branch, merge=merge(), activation=nn.ReLU()))

    into = pairwise([whitened_width(in_chans), *widths])
    stages = [stage(before, after, depth) for (before, after), depth in zip(into, convolutions, strict=True)]
    head = largest_head(widths[-1], num_classes)
    network = Network(whitened_stem(in_chans), stages, head, num_features=widths[-1], min_size=8)
    return pass_on(network)


def fast_resnet(
    *,
    num_classes: int = 10,
    in_chans: int = 3,
    widths: Sequence[int] = (64, 256, 384),
    convolutions: Sequence[int] = (1, 1, 1),
    momentum: float = 0.4,
) -> Network:
    """Build the residual network.

    Args:
        num_classes: how many logits.
        in_chans: channels of the images.
        widths: channels of the three stages.
        convolutions: how many a branch has, in each stage.
        momentum: of the norms' running statistics; a short run has few steps to gather them in.
    """
    return fast_network(Add, convolutions, num_classes, in_chans, widths, momentum)


def fast_plain(
    *,
    num_classes: int = 10,
    in_chans: int = 3,
    widths: Sequence[int] = (64, 256, 384),
    convolutions: Sequence[int] = (1, 1, 1),
    momentum: float = 0.4,
) -> Network:
    """Build the plain twin: y = relu(branch(x)), nothing carried."""
    return fast_network(BranchOnly, convolutions, num_classes, in_chans, widths, momentum)


BUILDERS = {"fast_resnet": fast_resnet, "fast_plain": fast_plain}

VARIANTS = {
    "fast_resnet8": variant(
        fast_resnet, layers=8, source="after airbench94_muon, github.com/KellerJordan/cifar10-airbench", image_size=32
    ),
    "fast_plain8": variant(
        fast_plain, layers=8, source="airbench94_muon, github.com/KellerJordan/cifar10-airbench", image_size=32
    ),
}
