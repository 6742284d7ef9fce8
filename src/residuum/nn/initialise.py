"""Initial weights. torch's layers draw from its global generator: fork and seed it to name the draw."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from .block import Block

Model = TypeVar("Model", bound=nn.Module)


def kaiming(model: Model) -> Model:
    """Draw every filter from N(0, 2 / fan_out); norms start at scale 1, shift 0; linear layers stay torch's.

    The variance keeps gradients' size through ReLU layers (He et al. 2015, arXiv:1502.01852, eq. 14); this is
    torchvision's initialisation. Works in place and returns the model.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def zero_gamma(model: Model) -> Model:
    """Set the scale of each branch's last norm to 0, so that every residual block starts as its shortcut.

    Source: Goyal et al. 2017, arXiv:1706.02677, section 5.1. Works in place and returns the model.
    """
    for block in model.modules():
        if isinstance(block, Block):
            norms = [layer for layer in block.branch.modules() if isinstance(layer, nn.BatchNorm2d)]
            if norms:
                nn.init.zeros_(norms[-1].weight)
    return model
