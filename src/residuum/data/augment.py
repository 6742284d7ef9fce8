"""Augmentation of single training images beyond crops and flips: torchvision's transforms, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..compat import import_torchvision
from ..errors import InputError
from ..seeds import drawing
from .pixels import resize_batch

Vary = Callable[[Tensor], Tensor]  # uint8 [C, H, W] to the same; draws from torch's global generator


@dataclass(frozen=True)
class Variation:
    """Augmentation of training images besides padding and mirroring."""

    vary: Vary | None = None  # applied to each image separately
    size: tuple[int, int] | None = None  # height, width, pixels, of images in memory; None keeps their size
    crop_scale: float = 0.35  # smallest share of the area that a random crop of a file keeps
    early_size: tuple[int, int] | None = None  # of images in memory in the first early_epochs epochs
    early_epochs: int = 0

    def of_batch(self, pixels: Tensor, seed: int, epoch: int, numbers: Tensor) -> Tensor:
        """Return uint8 [B, C, *size]; an image's draw depends only on its index in the data set."""
        size = self.early_size if epoch < self.early_epochs else self.size
        if size is not None:
            pixels = resize_batch(pixels, size)
        if self.vary is None:
            return pixels
        varied = []
        for picture, number in zip(pixels, numbers.tolist(), strict=True):
            with drawing(seed, "vary", epoch, number):
                varied.append(self.vary(picture))
        return torch.stack(varied)


PLAIN = Variation()


def build_variation(auto_augment: str | None, random_erasing: float, mean: Sequence[float]) -> Vary | None:
    """Return the augmentation of one image, or None if nothing varies.

    Args:
        auto_augment: "trivialaugment" (arXiv:2103.10158), "randaugment" (arXiv:1909.13719) at torchvision's magnitude
            9 of 30, or another magnitude as in "randaugment-18".
        random_erasing: probability that a rectangle of the image is filled (arXiv:1708.04896).
        mean: the fill value, of values scaled to 0..1; normalisation turns it into 0.
    """
    if not 0 <= random_erasing <= 1:
        raise InputError(f"random_erasing, a probability, must be 0 to 1, got {random_erasing}")
    steps = []
    if auto_augment is not None:
        steps.append(_auto_augment(auto_augment))
    if random_erasing:
        steps.append(_v2().RandomErasing(random_erasing, value=[round(255 * value) for value in mean]))
    return _v2().Compose(steps) if steps else None


def _auto_augment(name: str) -> Any:
    v2 = _v2()
    kind, _, magnitude = name.partition("-")
    if kind == "trivialaugment" and not magnitude:
        return v2.TrivialAugmentWide(interpolation=v2.InterpolationMode.BILINEAR)
    if kind == "randaugment" and (not magnitude or (magnitude.isdigit() and int(magnitude) <= 30)):
        return v2.RandAugment(magnitude=int(magnitude or 9), interpolation=v2.InterpolationMode.BILINEAR)
    raise InputError(f"auto_augment must be trivialaugment, randaugment or randaugment-N with N up to 30, got {name!r}")


def _v2() -> Any:
    import_torchvision()
    from torchvision.transforms import v2

    return v2
