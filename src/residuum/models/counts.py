"""Parameters and multiply-accumulates, measured on the meta device: no formula is written twice."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from . import VARIANTS, build


class Counts(NamedTuple):
    """What a model costs."""

    parameters: int
    macs: int  # per example, convolutions and matrix products, forward


def count_parameters(model: nn.Module) -> int:
    """Return the number of parameters (buffers such as running statistics are not counted)."""
    return sum(parameter.numel() for parameter in model.parameters())


def count(model: nn.Module, input_shape: tuple[int, ...]) -> Counts:
    """Return the counts for one example; the model is not touched and nothing is computed.

    ``torch.utils.flop_counter`` counts two operations for each MAC; the literature of residual networks counts one.

    Args:
        model: any model of this package.
        input_shape: [channels, height, width] of an image, or [tokens] of a text (``Variant.input_shape``).
    """
    on_meta = copy.deepcopy(model).to("meta").eval()
    kind = torch.long if len(input_shape) == 1 else torch.float32
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        on_meta(torch.empty(1, *input_shape, dtype=kind, device="meta"))
    return Counts(count_parameters(on_meta), counter.get_total_flops() // 2)


def count_variant(name: str) -> Counts:
    """Return the counts of a variant for the example that its row names, without allocating its weights."""
    with torch.device("meta"):
        model = build(name)
    return count(model, VARIANTS[name].input_shape)
