"""Images mixed with one another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..compat import import_torchvision
from ..errors import InputError

Mix = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""(images [B, C, H, W], int64 labels [B], seed) to (images, targets: labels [B] or shares [B, classes])."""


def unmixed(images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return the images and their labels as they are."""
    return images, labels


def build_mix(mixup: float, cutmix: float, num_classes: int) -> Mix:
    """Return torchvision's mixup (arXiv:1710.09412), its cutmix (arXiv:1905.04899), or one of them at a time.

    Each image is mixed with its neighbour in the batch. Where both are asked for, a fair coin decides for each batch.

    Args:
        mixup: alpha of the Beta distribution that the share is drawn from; 0 for none.
        cutmix: likewise, of the area.
        num_classes: of the targets.
    """
    if mixup < 0 or cutmix < 0:
        raise InputError(
            f"mixup and cutmix, alphas of a Beta distribution, must not be negative, got {mixup}, {cutmix}"
        )
    if not mixup and not cutmix:
        return unmixed
    import_torchvision()
    from torchvision.transforms import v2

    kinds = [kind(alpha=alpha, num_classes=num_classes)
             for kind, alpha in ((v2.MixUp, mixup), (v2.CutMix, cutmix)) if alpha]  # fmt: skip
    choice = v2.RandomChoice(kinds)

    def mix(images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return choice(images, labels)

    return mix
