"""Data sets: labelled images, held as pixels or as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from .decode import decode
from .packed import Packed


@dataclass(frozen=True)
class ArrayImages:
    """Pictures held in memory.

    >>> images = ArrayImages(torch.zeros(5, 1, 8, 8, dtype=torch.uint8), torch.arange(5))
    >>> len(images)
    5
    """

    pixels: Tensor  # uint8 [N, channels, height, width]
    labels: Tensor  # int64 [N]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class FileImages:
    """Pictures that are decoded when they are needed, always to RGB.

    >>> images = residuum.open_data("PHOTOS").train
    >>> images.picture(0).shape[0]
    3
    """

    root: Path
    names: Sequence[str]  # relative to root
    labels: Tensor  # int64 [N]
    packed: Packed | None = None  # the file that holds them decoded, at its own size
    max_pixels: int | None = None  # the most pixels of an image

    def __len__(self) -> int:
        return len(self.labels)

    def picture(self, index: int) -> Tensor:
        """Return uint8 [3, height, width]."""
        name = self.names[index]
        return decode(self.root / name, self.max_pixels) if self.packed is None else self.packed.picture(name)


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied, for images held in memory.

    >>> residuum.open_data("cifar10").augmentation  # doctest: +SKIP
    Augmentation(pad=4, flip=True)
    >>> Augmentation(pad=4, flip=True).pad
    4
    """

    pad: int  # pixels of zero padding before a random crop back to size
    flip: bool  # mirror left and right with probability one half


@dataclass(frozen=True)
class Dataset:
    """Training and validation images of one source.

    >>> dataset = residuum.open_data("digits")
    >>> dataset.channels, len(dataset.val)
    (1, 359)
    """

    name: str
    classes: Sequence[str]
    train: ArrayImages | FileImages
    val: ArrayImages | FileImages
    mean: tuple[float, ...]  # one per channel, of values scaled to 0..1
    std: tuple[float, ...]
    image_size: tuple[int, int]  # median height and width, pixels
    augmentation: Augmentation
    val_is: str  # description of the validation images, human-readable
    notes: Sequence[str] = field(default_factory=tuple)  # images left out and assumptions, human-readable
    val_is_test: bool = False  # the validation images are a test set: select nothing on it
    test: ArrayImages | FileImages | None = None  # evaluated once, at the end of a run
    test_is: str = ""  # description of the test images, human-readable
    unsplit: bool = False  # only the images' names separate training from validation

    @property
    def channels(self) -> int:
        """The number of colour channels of an image."""
        return len(self.mean)
