"""Labelled images. A new source is a new file here and a line in SOURCES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from residuum_runtime.missing import files_like
from residuum_runtime.reading import default_limit

from ..errors import InputError, nearest
from . import cifar10, digits, fashion_mnist, folder
from .dataset import ArrayImages, Augmentation, Dataset, FileImages
from .decode import decode
from .listing import count_images, folders_in
from .loaders import EvaluationLoader, Loader, MemoryLoader, StreamLoader
from .packing import pack_images
from .part import parse_part, take
from .split import split_off

SOURCES: dict[str, Callable[[], Dataset]] = {
    "digits": digits.load,
    "cifar10": cifar10.load,
    "fashion_mnist": fashion_mnist.load,
}


def open_data(
    name: str | Path, *, strict: bool = False, to_train: bool = True, max_pixels: int | None = None
) -> Dataset:
    """Return the data set of that name, or the folder of images at that path.

    Args:
        name: ``digits``, ``cifar10``, ``fashion_mnist``, or a path; ``NAME[:5000]`` for 5,000 of its training images,
            ``NAME[:5000,:1000]`` for 1,000 of its validation images too.
        strict: stop at a damaged image in a folder instead of skipping it.
        to_train: whether a folder must hold what training needs (two classes, images to train and to validate on).
        max_pixels: the most pixels of an image; skips larger images and lists them
            [default: ``residuum_runtime.reading.MAX_PIXELS``].

    Raises:
        InputError: no such set or folder, a folder with a built-in set's name, or one that cannot be understood.

    >>> digits = residuum.open_data("digits")
    >>> len(digits.train), digits.classes[:3], digits.image_size
    (1438, ['0', '1', '2'], (8, 8))
    """
    if (part := parse_part(name)) is not None:
        return take(open_data(part.source, strict=strict, to_train=to_train, max_pixels=max_pixels), part)
    if str(name) in SOURCES and not _holds_classes(Path(name)):
        return SOURCES[str(name)]()
    if isinstance(name, str) and name in SOURCES:
        raise InputError(
            f"{name!r} is a built-in data set, and a folder of that name lies here; write ./{name} for the folder, or "
            "rename it to use the built-in set"
        )
    if not Path(name).exists():
        raise InputError(f"no data set or folder is named {str(name)!r}; {_meant(name)}")
    with default_limit(max_pixels):
        dataset = folder.load(name, strict=strict, to_train=to_train)
    sides = {"train": dataset.train, "val": dataset.val, "test": dataset.test}
    files = {side: images for side, images in sides.items() if isinstance(images, FileImages)}
    return replace(dataset, **{side: replace(images, max_pixels=max_pixels) for side, images in files.items()})


def _meant(name: str | Path) -> str:
    """Say which sets and folders have a name like it; a path with a folder in it is of no built-in set."""
    if len(Path(name).parts) > 1 or Path(name).is_absolute():
        return files_like(name)
    return f"{nearest(str(name), list(SOURCES))}, or a folder of CLASS/*.jpg: {files_like(name)}"


def _holds_classes(path: Path) -> bool:
    """Return whether the folder's subfolders hold images; those of a run do not."""
    return path.is_dir() and any(map(count_images, folders_in(path)))


__all__ = [
    "SOURCES",
    "ArrayImages",
    "Augmentation",
    "Dataset",
    "EvaluationLoader",
    "FileImages",
    "Loader",
    "MemoryLoader",
    "StreamLoader",
    "decode",
    "open_data",
    "pack_images",
    "split_off",
]
