"""Which images of a data set are evaluated: one side of its split, or all."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ..data import ArrayImages, Dataset, FileImages
from ..data.fingerprint import fingerprint
from ..errors import InputError

SPLITS = ("train", "val", "test", "all")

Images = ArrayImages | FileImages


def images_of(dataset: Dataset, split: str) -> Images:
    """Return the images of a split: "train", "val", "test", or "all" of them.

    Raises:
        InputError: another name, or a side that the data set does not have.
    """
    if split not in SPLITS:
        raise InputError(f"split must be {', '.join(SPLITS[:-1])} or {SPLITS[-1]}, got {split!r}")
    if split == "all":
        sides = [side for side in (dataset.train, dataset.val, dataset.test) if side is not None and len(side)]
        return _join_sides(sides) if sides else dataset.val
    sides_by_name = {"train": dataset.train, "val": dataset.val, "test": _test_side(dataset)}
    if (images := sides_by_name[split]) is None or not len(images):
        held = [side for side, images in sides_by_name.items() if images is not None and len(images)]
        if not held:
            raise InputError(f"there is no image to evaluate on in {dataset.name}; add some")
        raise InputError(f"{dataset.name} has no {split} images; take --split {' or '.join([*held, 'all'])}")
    return images


def default_split(dataset: Dataset, model: nn.Module) -> str:
    """Return the split to evaluate where the user names none.

    For a folder without train/ and val/, all images, unless the model was trained on it, there or in a folder of the
    same content: then the images that training held out. For any other set, the validation images, or the test images
    where it has no others.
    """
    if dataset.unsplit and not _was_trained_on(model, dataset):
        return "all"
    return "val" if len(dataset.val) else "test" if _test_side(dataset) is not None else "all"


def describe_split(dataset: Dataset, split: str) -> str:
    """Return a human-readable description of a split's images."""
    words = {
        "train": "training",
        "val": dataset.val_is,
        "test": dataset.test_is or dataset.val_is,
        "all": "every image of the folder" if dataset.unsplit else "training, validation and test images",
    }
    return words[split]


def _test_side(dataset: Dataset) -> Images | None:
    return dataset.val if dataset.val_is_test else dataset.test


def _was_trained_on(model: nn.Module, dataset: Dataset) -> bool:
    if _same_folder(getattr(model, "trained_on", None), dataset.name):
        return True
    content = getattr(model, "trained_content", None)
    return isinstance(content, dict) and content.items() <= fingerprint(dataset).items()


def _same_folder(first: str | None, second: str) -> bool:
    if first is None:
        return False
    source = first.split("[")[0]
    return source == second or Path(source).resolve() == Path(second).resolve()


def _join_sides(sides: list[Images]) -> Images:
    first, labels = sides[0], torch.cat([side.labels for side in sides])
    if isinstance(first, ArrayImages):
        return ArrayImages(torch.cat([side.pixels for side in sides if isinstance(side, ArrayImages)]), labels)
    names = [str(name) for side in sides if isinstance(side, FileImages) for name in side.names]
    return FileImages(first.root, names, labels)
