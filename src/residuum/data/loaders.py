"""Batches: the order of the images and their augmentation depend only on (seed, epoch, step)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..seeds import generator
from .augment import PLAIN, Variation
from .dataset import ArrayImages, FileImages
from .fetching import fetch
from .pixels import mirror, pad_crop_flip, resize_batch
from .share import ALL, Share
from .streaming import EvaluationPictures, TrainingPictures, fitting

Batch = tuple[Tensor, Tensor]  # uint8 [B, channels, height, width], int64 [B]


class Loader(Protocol):
    """Batches of training images.

    >>> loader = MemoryLoader(residuum.open_data("digits").train, batch_size=64, seed=0)
    >>> [images.shape[0] for images, _ in loader.batches(epoch=0, start=len(loader) - 1)]
    [64]
    """

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        ...

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number ``start`` on."""
        ...


def training_order(count: int, seed: int, epoch: int) -> Tensor:
    """Return the order of an epoch: int64 [count]."""
    return torch.randperm(count, generator=generator(seed, "order", epoch))


def balanced_order(labels: Tensor, seed: int, epoch: int) -> Tensor:
    """Return an index per label, drawn with replacement so that all classes are equally likely: int64 [N]."""
    chance = 1 / torch.bincount(labels)[labels].double()
    return torch.multinomial(chance, len(labels), replacement=True, generator=generator(seed, "order", epoch))


FLIP_MODES = ("random", "alternate")


def alternate_sides(count: int, seed: int, epoch: int) -> Tensor:
    """Return which images are mirrored in an epoch: a random half, in the next epoch the other half: bool [count].

    Source: "alternating flip", Jordan 2024, arXiv:2404.00498, section 3.6: two epochs in a row show both sides of every
    image.
    """
    first = torch.randint(0, 2, (count,), generator=generator(seed, "side")).bool()
    return first ^ bool(epoch % 2)


def training_batches(count: int, batch_size: int) -> int:
    """Return the number of batches in an epoch.

    Drops the last batch if it is not full (batch norm on a handful of images does harm, and the next epoch draws
    another order), unless it is the only one.
    """
    return max(1, count // batch_size)


@dataclass(frozen=True)
class MemoryLoader:
    """Training batches from images in memory, varied a whole batch at a time, and of each batch this share.

    >>> loader = MemoryLoader(residuum.open_data("digits").train, batch_size=64, seed=0, pad=1)
    >>> images, labels = next(loader.batches(epoch=0))
    >>> images.shape, len(labels)
    (torch.Size([64, 1, 8, 8]), 64)
    """

    images: ArrayImages
    batch_size: int
    seed: int
    pad: int = 0
    flip: bool = False
    share: Share = ALL
    variation: Variation = PLAIN
    balanced: bool = False
    pad_mode: str = "zeros"
    flip_mode: str = "random"

    def __len__(self) -> int:
        return training_batches(len(self.images), self.batch_size)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number ``start`` on."""
        order = _order(self, epoch)
        alternate = self.flip and self.flip_mode == "alternate"
        mirrored = alternate_sides(len(self.images), self.seed, epoch) if alternate else None
        flip = self.flip and not alternate
        for step in range(start, len(self)):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            draw = generator(self.seed, "augment", epoch, step)
            mine = chosen[self.share.places(len(chosen))]
            pixels = self.images.pixels[mine]
            pixels = pad_crop_flip(pixels, self.pad, flip, draw, self.share, len(chosen), mode=self.pad_mode)
            if mirrored is not None:
                pixels = mirror(pixels, mirrored[mine])
            yield self.variation.of_batch(pixels, self.seed, epoch, mine), self.images.labels[mine]


@dataclass(frozen=True)
class StreamLoader:
    """Training batches from files, decoded and varied by worker processes image by image; of each this share.

    >>> loader = StreamLoader(residuum.open_data("PHOTOS").train, batch_size=4, seed=0, size=(16, 16), workers=0)
    >>> next(loader.batches(epoch=0))[0].shape
    torch.Size([4, 3, 16, 16])
    """

    images: FileImages
    batch_size: int
    seed: int
    size: tuple[int, int]
    workers: int
    share: Share = ALL
    variation: Variation = PLAIN
    balanced: bool = False

    def __len__(self) -> int:
        return training_batches(len(self.images), self.batch_size)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number ``start`` on; the same bits for any number of workers."""
        order = _order(self, epoch).tolist()
        batches = [order[step * self.batch_size : (step + 1) * self.batch_size] for step in range(start, len(self))]
        steps = [[chosen[place] for place in self.share.places(len(chosen))] for chosen in batches]
        pictures = TrainingPictures(self.images, self.size, self.seed, epoch, self.variation)
        return fetch(pictures, self.workers, batch_sampler=steps)


@dataclass(frozen=True)
class EvaluationLoader:
    """Every image once, in order, resized and centre-cropped; the last batch may be smaller.

    A share is of whole batches: the same images meet in a batch however many processes there are, and so the same
    bits come out. Nothing is padded and nothing left out.

    >>> loader = EvaluationLoader(residuum.open_data("digits").val, batch_size=100, size=(8, 8))
    >>> [len(labels) for _, labels in loader]
    [100, 100, 100, 59]
    """

    images: ArrayImages | FileImages
    batch_size: int
    size: tuple[int, int]
    resize: int = 0
    workers: int = 0
    share: Share = ALL
    interpolation: str = "bilinear"

    def __len__(self) -> int:
        return len(self._batches())

    def __iter__(self) -> Iterator[Batch]:
        batches = self._batches()
        if isinstance(self.images, FileImages):
            pictures = EvaluationPictures(self.images, self.size, self.resize, self.interpolation)
            yield from fetch(pictures, self.workers, batch_sampler=batches)
            return
        for batch in batches:
            part = slice(batch.start, batch.stop)
            yield self._fit(self.images.pixels[part]), self.images.labels[part]

    def _fit(self, pixels: Tensor) -> Tensor:
        """Return images in memory, resized and cropped as files are."""
        if not self.resize:
            return resize_batch(pixels, self.size, self.interpolation)
        fit = fitting(self.size, self.resize, self.interpolation)
        return torch.stack([fit(image) for image in pixels])

    def _batches(self) -> list[range]:
        count = len(self.images)
        firsts = range(0, count, self.batch_size)
        return [range(first, min(first + self.batch_size, count)) for first in firsts[self.share.of(len(firsts))]]


def _order(loader: MemoryLoader | StreamLoader, epoch: int) -> Tensor:
    if loader.balanced:
        return balanced_order(loader.images.labels, loader.seed, epoch)
    return training_order(len(loader.images), loader.seed, epoch)
