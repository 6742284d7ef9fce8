"""How fast this machine trains, roughly and quickly."""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F

from ..seeds import drawing


def training_macs_per_second(device: str = "cpu") -> float:
    """Return multiply-accumulates a second of a 3x3 convolution, forward and backward, in the better precision.

    A third of a second of work; whole networks reach about half of it, since they also move memory, and that half is
    what is returned.
    """
    with drawing(0, "dropout"):
        images = torch.rand(16, 64, 32, 32).to(device, memory_format=torch.channels_last)
        filters = torch.rand(64, 64, 3, 3).to(device, memory_format=torch.channels_last)
    macs = 3 * 16 * 32 * 32 * 64 * 64 * 9
    return 0.5 * max(macs / _seconds(images.to(kind), filters.to(kind)) for kind in (torch.float32, torch.bfloat16))


def _seconds(images: torch.Tensor, filters: torch.Tensor) -> float:
    images, filters = images.requires_grad_(), filters.requires_grad_()
    times = []
    for _ in range(6):
        started = time.perf_counter()
        F.conv2d(images, filters, padding=1).sum().backward()
        times.append(time.perf_counter() - started)
    return min(times[1:])
