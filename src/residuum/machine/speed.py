"""How fast this machine trains, roughly and quickly."""

from __future__ import annotations

import torch

from .ceiling import convolution_macs_per_second


def training_macs_per_second(device: str = "cpu") -> float:
    """Return multiply-accumulates a second of a network in the better precision.

    A third of a second of work; whole networks reach about half of what a convolution does, since they also move
    memory, and that half is what is returned.
    """
    return 0.5 * max(convolution_macs_per_second(kind, device) for kind in (torch.float32, torch.bfloat16))
