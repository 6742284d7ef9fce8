"""Pictures with labels. A new source is a new file here and a line in SOURCES."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import InputError, nearest
from . import cifar10, digits, fashion_mnist, folder
from .dataset import ArrayImages, Augmentation, Dataset, FileImages
from .decode import decode
from .loaders import EvaluationLoader, Loader, MemoryLoader, StreamLoader
from .packing import packed
from .part import parse_part, take
from .split import split_off

SOURCES: dict[str, Callable[[], Dataset]] = {
    "digits": digits.load,
    "cifar10": cifar10.load,
    "fashion_mnist": fashion_mnist.load,
}


def open_data(name: str | Path, *, strict: bool = False) -> Dataset:
    """Return the data set of that name, or the folder of pictures at that path.

    Args:
        name: ``digits``, ``cifar10``, ``fashion_mnist``, or a path; ``NAME[:5000]`` for 5,000 of its training pictures,
            ``NAME[:5000,:1000]`` for 1,000 of its validation pictures too.
        strict: stop at a damaged picture in a folder instead of leaving it out.
    """
    if (part := parse_part(name)) is not None:
        return take(open_data(part.source, strict=strict), part)
    if str(name) in SOURCES:
        return SOURCES[str(name)]()
    if not Path(name).exists():
        raise InputError(
            f"no data set or folder is named {str(name)!r}; {nearest(str(name), list(SOURCES))}, "
            "or a folder of CLASS/*.jpg"
        )
    return folder.load(name, strict=strict)


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
    "packed",
    "split_off",
]
