"""EfficientNet (Tan and Le 2019, arXiv:1905.11946) and its Lite form (Google 2020): one network in several sizes.

y = x + branch(x) with an inverted residual as branch: 1x1 wide, depthwise, a gate on the channels, 1x1 narrow. Depth,
width and image grow together. Lite has no gates and ReLU6, which fixed-point processors like, and keeps stem and head.
EfficientNet is built like torchvision's, so that its weights give the same bits; Lite pads as TensorFlow does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import nn

from ..errors import InputError
from ..nn import Block, Network, SqueezeExcite, kaiming, zero_biases
from ..nn.initialise import uniform_linear
from ..nn.inverted import Parts, divisible, halving_stem, norm_of, widened_head
from ..nn.padding import pick_padding
from ..nn.stochastic import drop_residuals, linear_decay_below
from .inverted_stages import Stage, inverted_stages
from .variant import variant

STEM_WIDTH = 32
HEAD_WIDTH = 1280
STAGES = (  # Tan and Le 2019, table 1
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


class Scale(NamedTuple):
    """A size: factors of width and depth, the image's side in pixels, dropout before the last layer."""

    width: float
    depth: float
    image_size: int
    dropout: float


SCALES = {  # Tan and Le 2019, published code
    "b0": Scale(1.0, 1.0, 224, 0.2),
    "b1": Scale(1.0, 1.1, 240, 0.2),
    "b2": Scale(1.1, 1.2, 260, 0.3),
    "b3": Scale(1.2, 1.4, 300, 0.3),
    "b4": Scale(1.4, 1.8, 380, 0.4),
}

LITE_SCALES = {  # Google 2020, published code of EfficientNet-Lite
    "lite0": Scale(1.0, 1.0, 224, 0.2),
    "lite1": Scale(1.0, 1.1, 240, 0.2),
    "lite2": Scale(1.1, 1.2, 260, 0.3),
    "lite3": Scale(1.2, 1.4, 280, 0.3),
    "lite4": Scale(1.4, 1.8, 300, 0.3),
}


def efficientnet(
    size: str = "b0",
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    dropout: float | None = None,
    stochastic_depth: float = 0.2,
    padding: str = "symmetric",
    norm_eps: float = 1e-5,
) -> Network:
    """Build EfficientNet: inverted residuals with gates, SiLU.

    Args:
        size: "b0" to "b4".
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping a feature before the last layer in training; the size's own by default.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less.
        padding: "symmetric" (torch's) or "same" (TensorFlow's, for weights that were trained there).
        norm_eps: what the norms add to the variance: 1e-5 (torch's) or 1e-3 (TensorFlow's).
    """
    scale = pick_size(size, SCALES)
    stem, head = (divisible(width * scale.width) for width in (STEM_WIDTH, HEAD_WIDTH))
    stages = scaled(scale)
    parts = Parts(nn.SiLU, norm_of(norm_eps), pick_padding(padding))
    network = Network(
        stem=halving_stem(in_chans, stem, parts),
        stages=inverted_stages(stem, stages, parts, squeeze_excite),
        head=widened_head(stages[-1].width, head, parts, num_classes=num_classes,
                          dropout=scale.dropout if dropout is None else dropout),
        num_features=head,
    )  # fmt: skip
    return started(network, stochastic_depth)


def efficientnet_lite(
    size: str = "lite0",
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    dropout: float | None = None,
    stochastic_depth: float = 0.2,
    padding: str = "same",
    norm_eps: float = 1e-3,
) -> Network:
    """Build EfficientNet-Lite: inverted residuals without gates, ReLU6, stem and head of one width in all sizes.

    Args:
        size: "lite0" to "lite4".
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping a feature before the last layer in training; the size's own by default.
        stochastic_depth: how often the last block's branch is dropped in training, others linearly less.
        padding: "same" (TensorFlow's, as published) or "symmetric" (torch's).
        norm_eps: what the norms add to the variance: 1e-3 (TensorFlow's) or 1e-5 (torch's).
    """
    scale = pick_size(size, LITE_SCALES)
    stages = lite_stages(scale)
    parts = Parts(nn.ReLU6, norm_of(norm_eps), pick_padding(padding))
    network = Network(
        stem=halving_stem(in_chans, STEM_WIDTH, parts),
        stages=inverted_stages(STEM_WIDTH, stages, parts),
        head=widened_head(stages[-1].width, HEAD_WIDTH, parts, num_classes=num_classes,
                          dropout=scale.dropout if dropout is None else dropout),
        num_features=HEAD_WIDTH,
    )  # fmt: skip
    return started(network, stochastic_depth)


def squeeze_excite(in_channels: int, expanded: int) -> SqueezeExcite:
    """Build the branch's gate, a quarter as wide inside as the stream."""
    return SqueezeExcite(expanded, max(1, in_channels // 4), act=nn.SiLU())


def scaled(scale: Scale) -> tuple[Stage, ...]:
    """Return the stages with as many blocks and as wide as the size has them."""
    return tuple(
        stage._replace(width=divisible(stage.width * scale.width), blocks=math.ceil(stage.blocks * scale.depth))
        for stage in STAGES
    )


def lite_stages(scale: Scale) -> tuple[Stage, ...]:
    """Return the same, with the first and the last stage as deep in every size."""
    first, *middle, last = scaled(scale)
    return (first._replace(blocks=STAGES[0].blocks), *middle, last._replace(blocks=STAGES[-1].blocks))


def started(network: Network, stochastic_depth: float) -> Network:
    """Draw the weights as torchvision does; biases are 0. Block l of L is dropped with l / L of the probability."""
    blocks = [module for module in network.modules() if isinstance(module, Block)]
    drop_residuals(blocks, linear_decay_below(len(blocks), stochastic_depth))
    return zero_biases(uniform_linear(kaiming(network)), (nn.Conv2d, nn.Linear))


def pick_size(size: str, scales: dict[str, Scale]) -> Scale:
    """Return the row of that size, or say which there are."""
    if size not in scales:
        raise InputError(f"size must be one of {', '.join(scales)}, got {size!r}")
    return scales[size]


BUILDERS = {"efficientnet": efficientnet, "efficientnet_lite": efficientnet_lite}

PAPER = "Tan and Le 2019, published code, built like torchvision's"
LITE = "Google 2020, published code of EfficientNet-Lite"

VARIANTS = {
    "efficientnet_b0": variant(efficientnet, size="b0", source=PAPER, image_size=224, layers=50),
    "efficientnet_b1": variant(efficientnet, size="b1", source=PAPER, image_size=240, layers=70),
    "efficientnet_b2": variant(efficientnet, size="b2", source=PAPER, image_size=288, layers=70),
    "efficientnet_b3": variant(efficientnet, size="b3", source=PAPER, image_size=300, layers=79),
    "efficientnet_b4": variant(efficientnet, size="b4", source=PAPER, image_size=380, layers=97),
    "efficientnet_lite0": variant(efficientnet_lite, size="lite0", source=LITE, image_size=224, layers=50),
    "efficientnet_lite1": variant(efficientnet_lite, size="lite1", source=LITE, image_size=240, layers=65),
    "efficientnet_lite2": variant(efficientnet_lite, size="lite2", source=LITE, image_size=260, layers=65),
    "efficientnet_lite3": variant(efficientnet_lite, size="lite3", source=LITE, image_size=280, layers=74),
    "efficientnet_lite4": variant(efficientnet_lite, size="lite4", source=LITE, image_size=300, layers=92),
}
