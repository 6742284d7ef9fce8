"""A part of a data set, named as in ``cifar10[:5000]``: the numbers alone fix its content."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..seeds import generator
from .dataset import ArrayImages, Dataset, FileImages

_PART = re.compile(r"(?P<source>.+)\[:(?P<train>\d+)(?:,:(?P<val>\d+))?\]")


class Part(NamedTuple):
    """The requested part of a source."""

    source: str
    train: int  # images
    val: int | None  # images; None: all


def parse_part(name: str | Path) -> Part | None:
    """Read ``SOURCE[:TRAIN]`` or ``SOURCE[:TRAIN,:VAL]``; None for any other name, and for a folder of that name."""
    if Path(name).exists() or (match := _PART.fullmatch(str(name))) is None:
        return None
    return Part(match["source"], int(match["train"]), None if match["val"] is None else int(match["val"]))


def take(dataset: Dataset, part: Part) -> Dataset:
    """Return the data set with ``part``'s numbers of images, its classes as equal in size as possible.

    Each class has one fixed random order (stream ``part``), and the classes take turns: the part of 100 lies within the
    part of 200, whatever the run's seed.

    Raises:
        InputError: more images than there are, or none.
    """
    notes, sides = list(dataset.notes), {"train": dataset.train, "val": dataset.val}
    for side, wanted in (("train", part.train), ("val", part.val)):
        images = sides[side]
        if wanted is None:
            continue
        if not 1 <= wanted <= len(images):
            raise InputError(
                f"a part of {part.source} must have 1 to {len(images)} {side} images, got {wanted}; "
                f"write {part.source}[:{min(len(images), 1000)}]"
            )
        sides[side] = chosen(images, _in_turn(images.labels)[:wanted])
        notes.append(f"{wanted:,} of {len(images):,} {side} images, the same at every call")
    return replace(dataset, train=sides["train"], val=sides["val"], notes=notes)


def _in_turn(labels: Tensor) -> Tensor:
    """Return an order of all images, int64 [N], that cycles through the classes: one of each, a second of each, ..."""
    shuffled = torch.randperm(len(labels), generator=generator(0, "part"))
    rank = torch.empty(len(labels), dtype=torch.long)
    for label in labels.unique():
        own = shuffled[labels[shuffled] == label]
        rank[own] = torch.arange(len(own))
    return shuffled[rank[shuffled].argsort(stable=True)]


def chosen(images: ArrayImages | FileImages, indices: Tensor) -> ArrayImages | FileImages:
    """Return the images at those indices, in that order."""
    if isinstance(images, ArrayImages):
        return ArrayImages(images.pixels[indices], images.labels[indices])
    names = [str(images.names[index]) for index in indices.tolist()]
    return replace(images, names=names, labels=images.labels[indices])
