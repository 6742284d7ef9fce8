"""Images decoded on demand, a batch at a time, in worker processes or in this one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from residuum_runtime.pictures import middle

from ..compat import import_torchvision
from ..seeds import drawing
from .augment import PLAIN, Variation
from .dataset import FileImages

Batch = tuple[Tensor, Tensor]  # uint8 [B, 3, height, width], int64 [B]


class CropAndMirror:
    """A random crop resized to ``size``, mirrored half of the time; draws from torch's global generator.

    Equals torchvision's RandomResizedCrop and RandomHorizontalFlip, draw by draw and bit by bit. Copies the window to
    contiguous rows of pixels first: this keeps the memory order, and changing it would take longer than the resizing.
    """

    def __init__(self, size: tuple[int, int], least: float) -> None:
        """``least``: the smallest share of the area that a crop keeps."""
        self.size, self.crop = size, _transforms().RandomResizedCrop(size, scale=(least, 1.0), antialias=True)

    def __call__(self, picture: Tensor) -> Tensor:
        """Return uint8 [3, *size] of a uint8 image [3, height, width]."""
        from torchvision.transforms.v2.functional import horizontal_flip_image, resize_image

        at = self.crop.make_params([picture])
        window = picture[:, at["top"] :, at["left"] :][:, : at["height"], : at["width"]]
        rows = window.permute(1, 2, 0).contiguous()
        picture = resize_image(rows.permute(2, 0, 1), list(self.size), antialias=True)
        return horizontal_flip_image(picture) if torch.rand(1) < 0.5 else picture


class TrainingPictures(Dataset[Any]):
    """A random crop resized to ``size``, mirrored half of the time and augmented, drawn for (seed, epoch, image)."""

    def __init__(
        self, images: FileImages, size: tuple[int, int], seed: int, epoch: int, variation: Variation = PLAIN
    ) -> None:
        self.images, self.seed, self.epoch, self.size, self.more = images, seed, epoch, size, variation.vary
        self.crop = CropAndMirror(size, variation.crop_scale)

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        pixels = in_one(map(self.picture, indices), len(indices), self.size)
        return pixels, self.images.labels[list(indices)]

    def picture(self, index: int) -> Tensor:
        """Return uint8 [3, *size]."""
        picture = self.images.picture(index)
        with drawing(self.seed, "augment", self.epoch, index):
            picture = self.crop(picture)
            return picture if self.more is None else self.more(picture.contiguous())


class EvaluationPictures(Dataset[Any]):
    """The shorter side resized to ``resize``, then the middle ``size``; without ``resize`` stretched to ``size``."""

    def __init__(self, images: FileImages, size: tuple[int, int], resize: int, interpolation: str = "bilinear") -> None:
        self.images, self.size = images, size
        self.fit = fitting(size, resize, interpolation)

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        fitted = (self.fit(self.images.picture(index)) for index in indices)
        return in_one(fitted, len(indices), self.size), self.images.labels[list(indices)]


def in_one(pictures: Iterable[Tensor], count: int, size: tuple[int, int]) -> Tensor:
    """Return uint8 [count, 3, *size], in channels-last memory, as a step needs it."""
    batch = torch.empty(count, *size, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    for place, picture in zip(batch, pictures, strict=True):
        place.copy_(picture)
    return batch


def fitting(size: tuple[int, int], resize: int, interpolation: str = "bilinear") -> Any:
    """Return the transform of one uint8 image [C, H, W] to [C, *size] for evaluation and prediction."""
    v2 = _transforms()
    if resize:
        shorter = fitting_shorter(resize, interpolation)
        return v2.Compose([CutToMiddle(size, resize), shorter, v2.CenterCrop(list(size))])
    return v2.Resize(list(size), v2.InterpolationMode(interpolation), antialias=True)


class CutToMiddle:
    """Cut an image to its middle if resizing its shorter side would take much memory; keep all of any other."""

    def __init__(self, size: tuple[int, int], resize: int) -> None:
        self.size, self.resize = size, resize

    def __call__(self, image: Tensor) -> Tensor:
        """Return a view of a uint8 image [C, height, width]."""
        rows, columns = middle(tuple(image.shape[-2:]), self.size, self.resize)
        return image[:, rows, columns]


def fitting_shorter(side: int, interpolation: str = "bilinear") -> Any:
    """Return the transform of one uint8 image that resizes its shorter side to ``side``, as ``fitting`` does."""
    v2 = _transforms()
    return v2.Resize(side, v2.InterpolationMode(interpolation), antialias=True)


def _transforms() -> Any:
    import_torchvision()
    from torchvision.transforms import v2

    return v2
