"""The precisions that networks train and evaluate in; weights stay float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from ..errors import InputError

PRECISIONS = ("fp32", "bf16")


def autocast(precision: str, device: str) -> AbstractContextManager[object]:
    """Return the context of a forward pass; weights stay float32."""
    return torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def refuse_unknown(precision: str) -> None:
    """Refuse an unknown precision."""
    if precision not in PRECISIONS:
        raise InputError(f"precision must be {' or '.join(PRECISIONS)}, got {precision!r}")
