"""Handwritten digits, 8x8, inside scikit-learn: real images without a download."""

from __future__ import annotations

import torch
from torch import Tensor

from .dataset import ArrayImages, Augmentation, Dataset


def load() -> Dataset:
    """Return 1,797 grey 8x8 images; every fifth is for validation (1,438 and 359)."""
    from sklearn.datasets import load_digits

    rows, target = load_digits(return_X_y=True)
    grey = torch.from_numpy(rows).view(-1, 1, 8, 8).mul(255 / 16).round().to(torch.uint8)
    labels = torch.from_numpy(target).long()
    for_validation = torch.arange(len(labels)) % 5 == 4
    train = ArrayImages(grey[~for_validation], labels[~for_validation])
    mean, std = _statistics(train.pixels)
    return Dataset(
        name="digits",
        classes=[str(digit) for digit in range(10)],
        train=train,
        val=ArrayImages(grey[for_validation], labels[for_validation]),
        mean=(mean,),
        std=(std,),
        image_size=(8, 8),
        augmentation=Augmentation(pad=1, flip=False),
        val_is="every fifth image",
    )


def _statistics(pixels: Tensor) -> tuple[float, float]:
    scaled = pixels.double() / 255
    return round(scaled.mean().item(), 4), round(scaled.std().item(), 4)
