"""MobileNetV3 (Howard et al. 2019, arXiv:1905.02244): inverted residuals of a searched shape, small and large.

y = x + branch(x) as in MobileNetV2; some branches have a gate on their channels, and from a third of the depth on the
activation is x * clip(x + 3, 0, 6) / 6. Built like torchvision's, so that its weights give the same bits.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from torch import nn

from ..errors import InputError
from ..nn import Network, SqueezeExcite, kaiming, zero_biases
from ..nn.heads import classifier
from ..nn.initialise import normal_linear
from ..nn.inverted import Parts, divisible, halving_stem, inverted_residual, norm_of
from ..nn.padding import pick_padding
from .variant import variant

STEM_WIDTH = 16
ACTS = {"RE": nn.ReLU, "HS": nn.Hardswish}


class Row(NamedTuple):
    """A block: kernel, channels of the branch, channels out, whether it has a gate, activation, stride."""

    kernel: int
    expanded: int
    width: int
    gated: bool
    act: str
    stride: int


Stages = tuple[tuple[Row, ...], ...]

LARGE: Stages = (  # Howard et al. 2019, table 1; a stage ends where size or width changes
    (Row(3, 16, 16, False, "RE", 1),),
    (Row(3, 64, 24, False, "RE", 2), Row(3, 72, 24, False, "RE", 1)),
    (Row(5, 72, 40, True, "RE", 2), Row(5, 120, 40, True, "RE", 1), Row(5, 120, 40, True, "RE", 1)),
    (
        Row(3, 240, 80, False, "HS", 2),
        Row(3, 200, 80, False, "HS", 1),
        Row(3, 184, 80, False, "HS", 1),
        Row(3, 184, 80, False, "HS", 1),
    ),
    (Row(3, 480, 112, True, "HS", 1), Row(3, 672, 112, True, "HS", 1)),
    (Row(5, 672, 160, True, "HS", 2), Row(5, 960, 160, True, "HS", 1), Row(5, 960, 160, True, "HS", 1)),
)
SMALL: Stages = (  # Howard et al. 2019, table 2
    (Row(3, 16, 16, True, "RE", 2),),
    (Row(3, 72, 24, False, "RE", 2), Row(3, 88, 24, False, "RE", 1)),
    (Row(5, 96, 40, True, "HS", 2), Row(5, 240, 40, True, "HS", 1), Row(5, 240, 40, True, "HS", 1)),
    (Row(5, 120, 48, True, "HS", 1), Row(5, 144, 48, True, "HS", 1)),
    (Row(5, 288, 96, True, "HS", 2), Row(5, 576, 96, True, "HS", 1), Row(5, 576, 96, True, "HS", 1)),
)


class Size(NamedTuple):
    """A size: its blocks, and the width of the last hidden layer."""

    stages: Stages
    hidden: int


SIZES = {"large": Size(LARGE, 1280), "small": Size(SMALL, 1024)}


def mobilenet_v3(
    size: str = "small",
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    dropout: float = 0.2,
    padding: str = "symmetric",
    norm_eps: float = 1e-3,
) -> Network:
    """Build MobileNetV3: inverted residuals, some of them with gates.

    Args:
        size: "small" or "large".
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping a feature before the last layer in training.
        padding: "symmetric" (torch's) or "same" (TensorFlow's, for weights that were trained there).
        norm_eps: what the norms add to the variance: 1e-3 (torchvision's and TensorFlow's) or 1e-5 (timm's own).
    """
    if size not in SIZES:
        raise InputError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
    rows, hidden = SIZES[size]
    norm, convolution = norm_of(norm_eps), pick_padding(padding)
    parts = {word: Parts(act, norm, convolution) for word, act in ACTS.items()}
    network = Network(
        stem=halving_stem(in_chans, STEM_WIDTH, parts["HS"]),
        stages=stages(rows, parts),
        head=hidden_head(rows[-1][-1].width, 6 * rows[-1][-1].width, hidden, norm_eps, num_classes, dropout),
        num_features=hidden,
    )
    return zero_biases(normal_linear(kaiming(network)), (nn.Conv2d, nn.Linear))


def stages(table: Stages, parts: dict[str, Parts]) -> list[nn.Module]:
    """Build the blocks of the table."""
    built, width = [], STEM_WIDTH
    for stage in table:
        blocks = []
        for row in stage:
            block = inverted_residual(width, row.width, row.stride, expanded=row.expanded, kernel=row.kernel,
                                      parts=parts[row.act], gate=gate(row.expanded) if row.gated else None)  # fmt: skip
            blocks.append(block)
            width = row.width
        built.append(nn.Sequential(*blocks))
    return built


def gate(expanded: int) -> SqueezeExcite:
    """Build the branch's gate, a quarter as wide inside as the branch; clip(x + 3, 0, 6) / 6 in a sigmoid's place."""
    return SqueezeExcite(expanded, divisible(expanded // 4), gate=nn.Hardsigmoid())


def hidden_head(
    in_channels: int, width: int, hidden: int, norm_eps: float, num_classes: int, dropout: float
) -> nn.Module:
    """Build a 1x1 convolution that widens, norm and activation, pooling, a hidden layer, dropout, a linear layer."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, width, 1, bias=False),
            norm=norm_of(norm_eps)(width),
            act=nn.Hardswish(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(1),
            fc1=nn.Linear(width, hidden),
            act1=nn.Hardswish(),
            drop=nn.Dropout(dropout),
            fc=classifier(hidden, num_classes),
        )
    )


BUILDERS = {"mobilenet_v3": mobilenet_v3}

PAPER = "Howard et al. 2019, built like torchvision's"

VARIANTS = {
    "mobilenet_v3_small": variant(mobilenet_v3, size="small", source=f"{PAPER} (table 2)", image_size=224, layers=36),
    "mobilenet_v3_large": variant(mobilenet_v3, size="large", source=f"{PAPER} (table 1)", image_size=224, layers=48),
}
