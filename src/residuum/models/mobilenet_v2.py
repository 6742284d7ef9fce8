"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381): the network that turned the residual block inside out.

y = x + branch(x): the stream is narrow, the branch widens it sixfold, has one filter a channel in its middle, and
narrows again without an activation. Built like torchvision's, so that its weights give the same bits.
"""

from __future__ import annotations

from torch import nn

from ..errors import InputError
from ..nn import Network, kaiming, zero_biases
from ..nn.initialise import normal_linear
from ..nn.inverted import Parts, divisible, halving_stem, widened_head
from .inverted_stages import Stage, inverted_stages
from .variant import variant

STEM_WIDTH = 32
HEAD_WIDTH = 1280
STAGES = (  # Sandler et al. 2018, table 2
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 3, 2, 32, 3),
    Stage(6, 3, 2, 64, 4),
    Stage(6, 3, 1, 96, 3),
    Stage(6, 3, 2, 160, 3),
    Stage(6, 3, 1, 320, 1),
)


def mobilenet_v2(width: float = 1.0, *, num_classes: int = 1000, in_chans: int = 3, dropout: float = 0.2) -> Network:
    """Build MobileNetV2: inverted residuals with ReLU6.

    Args:
        width: factor of all channels; the head is never narrower than 1280.
        num_classes: how many logits.
        in_chans: channels of the images.
        dropout: probability of dropping a feature before the last layer in training.

    Raises:
        InputError: a width that is not above 0.
    """
    if width <= 0:
        raise InputError(f"width must be a factor above 0 (1.0 as published), got {width}")
    parts = Parts(nn.ReLU6, nn.BatchNorm2d)
    stem, head, stages = divisible(STEM_WIDTH * width), divisible(HEAD_WIDTH * max(1.0, width)), widened(width)
    network = Network(
        stem=halving_stem(in_chans, stem, parts),
        stages=inverted_stages(stem, stages, parts),
        head=widened_head(stages[-1].width, head, parts, num_classes=num_classes, dropout=dropout),
        num_features=head,
    )
    return zero_biases(normal_linear(kaiming(network)), nn.Linear)


def widened(width: float) -> tuple[Stage, ...]:
    """Return the stages with that factor on their channels."""
    return tuple(stage._replace(width=divisible(stage.width * width)) for stage in STAGES)


BUILDERS = {"mobilenet_v2": mobilenet_v2}

PAPER = "Sandler et al. 2018, table 2, built like torchvision's"

VARIANTS = {
    "mobilenet_v2": variant(mobilenet_v2, source=PAPER, image_size=224, layers=53),
}
