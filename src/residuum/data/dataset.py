"""What a source gives: images with labels, held as pixels or as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from .decode import decode
from .packed import Packed


@dataclass(frozen=True)
class ArrayImages:
    """Images held in memory."""

    pixels: Tensor  # uint8 [N, channels, height, width]
    labels: Tensor  # int64 [N]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class FileImages:
    """Images that are decoded when they are needed, always to RGB."""

    root: Path
    names: Sequence[str]  # relative to root
    labels: Tensor  # int64 [N]
    packed: Packed | None = None  # where they lie decoded, at a size of their own
    max_pixels: int | None = None  # the largest image

    def __len__(self) -> int:
        return len(self.labels)

    def picture(self, index: int) -> Tensor:
        """Return uint8 [3, height, width]."""
        name = self.names[index]
        return decode(self.root / name, self.max_pixels) if self.packed is None else self.packed.picture(name)


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied, for images held in memory."""

    pad: int  # pixels of zero padding before a random crop back to size
    flip: bool  # mirror left and right with probability one half


@dataclass(frozen=True)
class Dataset:
    """Training and validation images of one source."""

    name: str
    classes: Sequence[str]
    train: ArrayImages | FileImages
    val: ArrayImages | FileImages
    mean: tuple[float, ...]  # one per channel, of values scaled to 0..1
    std: tuple[float, ...]
    image_size: tuple[int, int]  # median height and width, pixels
    augmentation: Augmentation
    val_is: str  # what the validation images are, for people
    notes: Sequence[str] = field(default_factory=tuple)  # what was left out or assumed, for people
    val_is_test: bool = False  # the validation images are a test set, which nothing should be chosen on
    test: ArrayImages | FileImages | None = None  # looked at once, at the end
    test_is: str = ""  # what the test images are, for people
    unsplit: bool = False  # nothing but the images' names separates training from validation

    @property
    def channels(self) -> int:
        """Colour channels of an image."""
        return len(self.mean)
