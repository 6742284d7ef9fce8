"""Inverted residuals: the stream is narrow and the branch is wide, one filter a channel in its middle.

Source: Sandler et al. 2018, arXiv:1801.04381, section 3.3; the gate inside: Howard et al. 2019, arXiv:1905.02244.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from .block import Block
from .heads import classifier
from .image_norms import Norm
from .merges import Add, BranchOnly
from .padding import Convolution, symmetric
from .squeeze_excite import SqueezeExcite

Act = Callable[[], nn.Module]

FEW_BATCHES, MANY_BATCHES = 0.1, 0.01  # momentum of torch's norms, and of those with TensorFlow's eps


@dataclass(frozen=True)
class Parts:
    """What a family's inverted residuals are made of."""

    act: Act
    norm: Norm
    convolution: Convolution = symmetric


def norm_of(eps: float) -> Norm:
    """Return batch norm with that eps; TensorFlow's 1e-3 comes with running statistics that move a tenth as fast."""
    return partial(nn.BatchNorm2d, eps=eps, momentum=MANY_BATCHES if eps >= 1e-3 else FEW_BATCHES)


def divisible(width: float, by: int = 8) -> int:
    """Round to the nearest multiple, up where rounding would take more than a tenth (arXiv:1801.04381's own code)."""
    rounded = max(by, int(width + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * width else rounded


def inverted_residual(
    in_channels: int,
    out_channels: int,
    stride: int,
    *,
    expanded: int,
    kernel: int,
    parts: Parts,
    gate: SqueezeExcite | None = None,
) -> Block:
    """Build y = x + branch(x); where the shape changes nothing is carried: y = branch(x).

    Args:
        in_channels: the stream's channels.
        out_channels: what the branch narrows to.
        stride: of the depthwise convolution.
        expanded: the branch's channels; as many as come in: it begins with the depthwise convolution.
        kernel: height and width of the depthwise convolution.
        parts: activation, norm and padding.
        gate: squeeze-and-excitation before the branch narrows.
    """
    layers: list[tuple[str, nn.Module]] = []
    if expanded != in_channels:
        layers += [("expand", nn.Conv2d(in_channels, expanded, 1, bias=False)), ("norm1", parts.norm(expanded))]
        layers += [("act1", parts.act())]
    layers += parts.convolution("depthwise", expanded, expanded, kernel, stride, expanded)
    layers += [("norm2", parts.norm(expanded)), ("act2", parts.act())]
    layers += [("se", gate)] if gate is not None else []
    layers += [("project", nn.Conv2d(expanded, out_channels, 1, bias=False)), ("norm3", parts.norm(out_channels))]
    carries = stride == 1 and in_channels == out_channels
    return Block(nn.Sequential(OrderedDict(layers)), merge=Add() if carries else BranchOnly())


def halving_stem(in_chans: int, width: int, parts: Parts) -> nn.Module:
    """Build one 3x3 convolution of stride 2, norm and activation: halves the size."""
    convolution = parts.convolution("conv", in_chans, width, 3, 2, 1)
    return nn.Sequential(OrderedDict([*convolution, ("norm", parts.norm(width)), ("act", parts.act())]))


def widened_head(in_channels: int, width: int, parts: Parts, *, num_classes: int, dropout: float) -> nn.Module:
    """Build a 1x1 convolution that widens, norm and activation, pooling, dropout and a linear layer."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, width, 1, bias=False),
            norm=parts.norm(width),
            act=parts.act(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(1),
            drop=nn.Dropout(dropout),
            fc=classifier(width, num_classes),
        )
    )
