"""Pictures decoded one by one, for worker processes."""

from __future__ import annotations

import signal
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from ..compat import import_torchvision
from ..seeds import drawing
from .augment import PLAIN, Variation
from .dataset import FileImages
from .decode import decode


class TrainingPictures(Dataset[tuple[Tensor, int]]):
    """A random crop resized to ``size``, mirrored half of the time and varied, drawn for (seed, epoch, picture)."""

    def __init__(
        self, images: FileImages, size: tuple[int, int], seed: int, epoch: int, variation: Variation = PLAIN
    ) -> None:
        self.images, self.seed, self.epoch = images, seed, epoch
        v2 = _transforms()
        crop = v2.RandomResizedCrop(size, scale=(variation.crop_scale, 1.0), antialias=True)
        more = [] if variation.vary is None else [variation.vary]
        self.vary = v2.Compose([crop, v2.RandomHorizontalFlip(), *more])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = decode(self.images.root / self.images.names[index])
        with drawing(self.seed, "augment", self.epoch, index):
            return self.vary(picture), int(self.images.labels[index])


class EvaluationPictures(Dataset[tuple[Tensor, int]]):
    """The shorter side resized to ``resize``, then the middle ``size``; without ``resize`` stretched to ``size``."""

    def __init__(self, images: FileImages, size: tuple[int, int], resize: int) -> None:
        self.images = images
        self.fit = fitting(size, resize)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.fit(decode(self.images.root / self.images.names[index])), int(self.images.labels[index])


def ignore_interrupt(worker: int) -> None:
    """Leave Ctrl-C, which a terminal sends to every process, to the one that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def fitting(size: tuple[int, int], resize: int) -> Any:
    """Return the transform of one uint8 picture [C, H, W] to [C, *size] for evaluation and prediction."""
    v2 = _transforms()
    if resize:
        return v2.Compose([v2.Resize(resize, antialias=True), v2.CenterCrop(list(size))])
    return v2.Resize(list(size), antialias=True)


def _transforms() -> Any:
    import_torchvision()
    from torchvision.transforms import v2

    return v2
