"""ConvNeXt (Liu et al. 2022, arXiv:2201.03545): a residual network with the habits of a vision transformer.

y = x + scale * branch(x): a 7x7 depthwise convolution, layer norm, and an MLP at every position; the learnt scale
starts at 1e-6, so that every block starts as its shortcut. Between stages a norm and a 2x2 convolution halve the size,
and nothing is carried. Built like torchvision's, so that its weights give the same bits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from torch import nn

from ..errors import InputError
from ..nn import Add, Block, BranchOnly, Network
from ..nn.channels import ChannelNorm, ChannelScale, ToFirst, ToLast
from ..nn.heads import classifier
from ..nn.initialise import normal_throughout
from ..nn.stochastic import drop_residuals, linear_decay_from_zero
from .variant import variant

EPS = 1e-6
EXPANSION = 4
SMALLEST = 32  # pixels: no layer that changes the size pads


class Size(NamedTuple):
    """Blocks and channels of the four stages; how often the last block's branch is dropped in training."""

    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    stochastic_depth: float


SIZES = {  # Liu et al. 2022, section 3; the drop rates of their table 5
    "tiny": Size((3, 3, 9, 3), (96, 192, 384, 768), 0.1),
    "small": Size((3, 3, 27, 3), (96, 192, 384, 768), 0.4),
    "base": Size((3, 3, 27, 3), (128, 256, 512, 1024), 0.5),
}


def convnext(
    size: str = "tiny",
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    stochastic_depth: float | None = None,
    scale: float = 1e-6,
) -> Network:
    """Build ConvNeXt: y = x + scale * branch(x).

    Args:
        size: "tiny", "small" or "base".
        num_classes: how many logits.
        in_chans: channels of the images.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less; the size's
            own by default.
        scale: where the scales start.
    """
    if size not in SIZES:
        raise InputError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
    blocks, widths, own = SIZES[size]
    network = Network(
        stem=patches(in_chans, widths[0]),
        stages=stages(blocks, widths, scale),
        head=normed_last(widths[-1], num_classes),
        num_features=widths[-1],
        min_size=SMALLEST,
    )
    residual = [module for module in network.modules() if isinstance(module, Block) and isinstance(module.merge, Add)]
    drop_residuals(
        residual, linear_decay_from_zero(len(residual), own if stochastic_depth is None else stochastic_depth)
    )
    return normal_throughout(network)


def stages(blocks: Sequence[int], widths: Sequence[int], scale: float) -> list[nn.Module]:
    """Build each stage's blocks; all but the first begin with a block that halves the size."""
    built, before = [], widths[0]
    for number, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        first = [halving(before, width)] if number else []
        built.append(nn.Sequential(*first, *(block(width, scale) for _ in range(count))))
        before = width
    return built


def block(width: int, scale: float) -> Block:
    """Build y = x + scale * branch(x)."""
    branch: OrderedDict[str, nn.Module] = OrderedDict(
        depthwise=nn.Conv2d(width, width, 7, padding=3, groups=width),
        last=ToLast(),
        norm=nn.LayerNorm(width, eps=EPS),
        fc1=nn.Linear(width, EXPANSION * width),
        act=nn.GELU(),
        fc2=nn.Linear(EXPANSION * width, width),
        scale=ChannelScale(width, scale),
        first=ToFirst(),
    )
    return Block(nn.Sequential(branch))


def halving(before: int, width: int) -> Block:
    """Build y = branch(x): a norm and a 2x2 convolution of stride 2, nothing carried."""
    branch: OrderedDict[str, nn.Module] = OrderedDict(
        norm=ChannelNorm(before, EPS), conv=nn.Conv2d(before, width, 2, stride=2)
    )
    return Block(nn.Sequential(branch), merge=BranchOnly())


def patches(in_chans: int, width: int) -> nn.Module:
    """Build the stem: each patch of 4 x 4 pixels becomes a position, and a norm."""
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(in_chans, width, 4, stride=4), norm=ChannelNorm(width, EPS)))


def normed_last(width: int, num_classes: int) -> nn.Module:
    """Build pooling, a norm and a linear layer."""
    return nn.Sequential(
        OrderedDict(
            pool=nn.AdaptiveAvgPool2d(1),
            norm=ChannelNorm(width, EPS),
            flatten=nn.Flatten(1),
            fc=classifier(width, num_classes),
        )
    )


BUILDERS = {"convnext": convnext}

row = partial(variant, convnext, source="Liu et al. 2022, section 3, built like torchvision's", image_size=224)

VARIANTS = {
    "convnext_tiny": row(size="tiny", layers=59),
    "convnext_small": row(size="small", layers=113),
    "convnext_base": row(size="base", layers=113),
}
