"""Evaluation in float32, or in bf16: on processors two to three times as fast, and as accurate (LOG.md)."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from ..errors import InputError
from ..kernels import use_winograd
from ..kernels.winograd import by_winograd, winograd_pays
from ..nn.fold import fold

PRECISIONS = ("fp32", "bf16")


def autocast(precision: str, device: str) -> AbstractContextManager[object]:
    """Return the context of a forward pass; weights stay float32."""
    return torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def check(precision: str) -> None:
    """Refuse an unknown precision."""
    if precision not in PRECISIONS:
        raise InputError(f"precision must be {' or '.join(PRECISIONS)}, got {precision!r}")


def made_for(precision: str, model: nn.Module) -> nn.Module:
    """Return the model to evaluate in that precision, under ``autocast``: in fp32 itself, in bf16 a copy.

    The copy is in evaluation mode, norms are folded into its layers where possible, and its filters are channels last.
    A model that trains by Winograd's algorithm evaluates by it, unfolded, since folded convolutions have biases.
    """
    check(precision)
    if precision == "fp32":
        return model
    unfolded = winograd_pays() and any(by_winograd(module) for module in model.modules())
    made = use_winograd(copy.deepcopy(model).eval(), evaluation=True) if unfolded else fold(model).model
    return made.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
