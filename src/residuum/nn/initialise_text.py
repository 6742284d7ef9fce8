"""Initial weights of transformers."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import nn

from .block import Block
from .patches import PatchStem

Model = TypeVar("Model", bound=nn.Module)

SPREAD = 0.02


def truncated_normal(model: Model) -> Model:
    """Draw matrices and embeddings from N(0, 0.02^2) cut at two standard deviations; biases are 0.

    Source: BERT's published code (``initializer_range``); GPT-2's spread is the same. Works in place and returns the
    model.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding | nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=SPREAD, a=-2 * SPREAD, b=2 * SPREAD)
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, PatchStem):
            nn.init.trunc_normal_(module.places, std=SPREAD, a=-2 * SPREAD, b=2 * SPREAD)
    return model


def scaled_branches(model: Model) -> Model:
    """Divide each branch's last matrix by sqrt(n), n blocks adding to one stream (Radford et al. 2019, section 2.3).

    So the stream's variance does not grow with depth. Works in place and returns the model.
    """
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    with torch.no_grad():
        for block in blocks:
            last = [layer for layer in block.branch.modules() if isinstance(layer, nn.Linear)][-1]
            last.weight.div_(math.sqrt(len(blocks)))
    return model
