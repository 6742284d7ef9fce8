"""Pictures mixed with one another."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Mix = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""(images [B, C, H, W], int64 labels [B], seed) to (images, targets: labels [B] or shares [B, classes])."""


def unmixed(images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return the pictures and their labels as they are."""
    return images, labels
