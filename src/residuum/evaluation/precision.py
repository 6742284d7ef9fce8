"""Evaluation in float32, or in bf16: on processors two to three times as fast, and as accurate (LOG.md)."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ..kernels import use_winograd
from ..kernels.winograd import by_winograd, winograd_pays
from ..machine.precision import refuse_unknown
from ..nn.fold import fold


def made_for(precision: str, model: nn.Module) -> nn.Module:
    """Return the model to evaluate in that precision, under ``autocast``: in fp32 itself, in bf16 a copy.

    The copy is in evaluation mode, norms are folded into its layers where possible, and its filters are channels last.
    A model that trains by Winograd's algorithm evaluates by it, unfolded, since folded convolutions have biases.
    """
    refuse_unknown(precision)
    if precision == "fp32":
        return model
    unfolded = winograd_pays() and any(by_winograd(module) for module in model.modules())
    made = use_winograd(copy.deepcopy(model).eval(), evaluation=True) if unfolded else fold(model).model
    return made.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
