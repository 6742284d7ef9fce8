"""A folder of images: train/CLASS/*.jpg, val/CLASS/*.jpg and test/CLASS/*.jpg, or just CLASS/*.jpg."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from residuum_runtime.missing import files_like
from residuum_runtime.names import encodable, printable
from residuum_runtime.reading import check_limit, opened

from ..errors import ImageError, InputError
from .classes import check_side, note_lacking, twins
from .dataset import ArrayImages, Augmentation, Dataset, FileImages
from .decode import decode, jpeg_decoder
from .hashed import Picture, divide, in_validation
from .kinds import SEVERAL_FRAMES, ending_of
from .listing import Entry, Skipped, enumerated, folders_in, images_below, loose
from .packed import Stamp, newest
from .sides import Layout, recognise

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Found", "Picture", "in_validation", "load", "look_through"]

IN_MEMORY_SIDE = 64  # pixels: images of one common size up to this are decoded once and held in memory
IN_MEMORY_BYTES = 2 << 30
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BY_NAME = "one image in five, by the hash of its name"
LISTED = 10  # names in a note of files that share a problem


class Found(NamedTuple):
    """The content of a folder."""

    classes: list[str]
    train: list[Picture]
    val: list[Picture]
    test: list[Picture]
    val_is: str
    val_is_test: bool
    test_is: str
    unsplit: bool  # no folders separate the sides
    notes: list[str]  # images left out, except damaged ones, and assumptions


def load(root: str | Path, *, strict: bool = False, to_train: bool = True) -> Dataset:
    """Return the folder's images; the class of an image is the name of the folder it lies in.

    ``sides.py`` lists the folder names that mark the sides of a split. Without a validation folder, the sha256 of an
    image's path ``CLASS/NAME`` assigns one image in five to validation, but every class keeps one image for training:
    no image of a class that has training images changes sides when others are added. With val/ and test/, a run
    evaluates test/ once, at its end; test/ alone is held out like val/, but select nothing on it. Every image is
    decoded once to find damaged ones; ``notes`` lists them, and files that are not images, as left out.

    Args:
        root: the folder.
        strict: stop at a damaged image instead of skipping it.
        to_train: require what training needs: two classes, training images of each, and validation images. Otherwise a
            side may be empty.

    Raises:
        InputError: an ambiguous layout, no images, a lack of what ``to_train`` requires, or (strict) a damaged image.
    """
    root = Path(root)
    found = look_through(root, to_train=to_train)
    everything = [*found.train, *found.val, *found.test]
    notes = [*found.notes, *_note_damaged(everything, strict)]
    sides = [[image for image in side if not image.problem] for side in (found.train, found.val, found.test)]
    if to_train:
        _check_classes(root, found, sides[0], sides[1])
    elif not any(sides):
        raise InputError(f"none of the {len(everything)} images in {printable(root)} can be read; {notes[-1]}")
    return _dataset(root, found, sides, notes)


def look_through(root: Path, *, to_train: bool = True) -> Found:
    """List the folder's images, sound and damaged, and the side of each."""
    if not root.is_dir():
        got = "a file" if root.exists() else f"not there; {files_like(root)}"
        raise InputError(f"expected a folder of images, but {printable(root)} is {got}")
    skipped = Skipped()
    layout = recognise(root, skipped)
    if to_train and layout.train is None:
        held = next(iter(layout.names.values()))
        raise InputError(
            f"{printable(root)} has {printable(held)}/ but no train/; add train/CLASS/*.jpg, or name the folder above "
            "its classes"
        )
    classes = _class_folders(root, layout, 2 if to_train else 1)
    sides = {side: _scan(root, folder, classes, skipped) for side, folder in layout.sides()}
    train, val, test = (sides.get(side, []) for side in ("train", "val", "test"))
    val_is, test_is = (f"the folder {printable(layout.names.get(side, side))}/" for side in ("val", "test"))
    val_is_test = layout.test is not None and layout.val is None
    if not layout.split:
        (train, val), val_is = divide(train), BY_NAME
    elif val_is_test:
        val, val_is, test = test, test_is, []
    labels = [encodable(name) for name in classes]
    notes = [
        *layout.notes,
        *twins(labels),
        *_note_escaped(classes, labels),
        *skipped.notes(),
        *_note_frames(train, val, test),
    ]
    if to_train:
        notes += note_lacking("validation" if not val_is_test else "the test side", labels, _labels(val))
        notes += note_lacking("the test side", labels, _labels(test)) if test else []
    return Found(labels, train, val, test, val_is, val_is_test, test_is if test else "", not layout.split, notes)


def _class_folders(root: Path, layout: Layout, at_least: int) -> list[str]:
    """Return the names of the class folders: of train/, or without it of all sides."""
    names = {side: [path.name for path in folders_in(folder)] for side, folder in layout.sides()}
    classes = names.get("train", sorted({name for found in names.values() for name in found}))
    for side, found in names.items():
        check_side(printable(root / layout.names.get(side, "")), found, classes)
    if len(classes) < at_least:
        got = f"one folder ({printable(classes[0])})" if classes else "no folders"
        raise InputError(
            f"{printable(layout.train or root)} must hold a folder of images for each of at least "
            f"{'two classes' if at_least == 2 else 'one class'}, got {got}"
        )
    return classes


def _scan(root: Path, folder: Path, classes: Sequence[str], skipped: Skipped) -> list[Picture]:
    """List the images below each class, sorted by name, and decode each to check it.

    An image that a cache (``packing.py``) decoded after its file last changed is sound.
    """
    loose(folder, root, skipped)
    files = [
        (entry, label)
        for label, name in enumerate(classes)
        if (folder / name).is_dir()
        for entry in images_below(folder / name, root, skipped)
    ]
    if not files:
        raise InputError(
            "; ".join(
                [
                    f"{printable(folder)} has class folders but no images in them; expected .jpg, .png, .webp and "
                    "other images (docs/input.md)",
                    *skipped.notes(),
                ]
            )
        )
    held = newest(root)

    def look(file: tuple[Entry, int]) -> Picture:
        (path, problem), label = file
        name = path.relative_to(root).as_posix()
        if problem:
            return Picture(name, label, (0, 0), problem)
        if held is not None and name in held.rows and held.stamp(name) == Stamp.of(path):
            size = held.full_size(name)
            if size[0] * size[1] <= check_limit(None):  # otherwise decoding reports it
                return Picture(name, label, size, "", _has_several(path))
        try:
            _, height, width = decode(path).shape
        except ImageError as error:
            return Picture(name, label, (0, 0), encodable(error.reason))
        return Picture(name, label, (height, width), "", _has_several(path))

    jpeg_decoder()  # load it once, before many threads need it
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look, files))


def _has_several(path: Path) -> bool:
    if ending_of(path.name) not in SEVERAL_FRAMES:
        return False
    with opened(path) as image:
        return bool(getattr(image, "is_animated", False))


def _labels(images: list[Picture]) -> set[int]:
    return {image.label for image in images if not image.problem}


def _note_escaped(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Note the classes whose folders have names that no text file holds."""
    changed = [label for name, label in zip(names, labels, strict=True) if name != label]
    return [f"class folders whose names are not UTF-8, written with escapes: {enumerated(changed)}"] if changed else []


def _note_frames(*sides: list[Picture]) -> list[str]:
    names = [image.name for side in sides for image in side if image.several]
    return [f"of {len(names):,} images with several frames or pages the first is used: {enumerated(names)}"] * bool(
        names
    )


def _note_damaged(images: list[Picture], strict: bool) -> list[str]:
    damaged = [image for image in images if image.problem]
    if strict and damaged:
        raise InputError(
            f"{printable(damaged[0].name)} cannot be read ({damaged[0].problem}); repair it, or omit --strict to "
            "skip it"
        )
    by_problem: dict[str, list[str]] = {}
    for image in damaged:
        by_problem.setdefault(image.problem, []).append(image.name)
    notes = [f"left out {enumerated(names, LISTED)}: {problem}" for problem, names in by_problem.items()]
    return [f"{len(damaged)} of {len(images)} images could not be read", *notes] if damaged else []


def _check_classes(root: Path, found: Found, train: list[Picture], val: list[Picture]) -> None:
    present, shown = {image.label for image in train}, printable(root)
    if missing := [name for label, name in enumerate(found.classes) if label not in present]:
        raise InputError(
            f"every class of {shown} needs training images that can be read; none for {enumerated(missing)}: "
            "add images or remove the folder"
        )
    if not val:
        raise InputError(
            f"{shown} leaves no image for validation: of its {len(train)} images one in five is chosen by its name, "
            f"and each of the {len(found.classes)} classes keeps one for training; add images, or make train/ and "
            "val/ folders"
        )


def _dataset(root: Path, found: Found, sides: list[list[Picture]], notes: list[str]) -> Dataset:
    sizes = [picture.size for side in sides for picture in side]
    shape = (int(median(height for height, _ in sizes)), int(median(width for _, width in sizes)))
    small = (
        len(set(sizes)) == 1
        and max(shape) <= IN_MEMORY_SIDE
        and 3 * shape[0] * shape[1] * len(sizes) <= IN_MEMORY_BYTES
    )

    def hold(images: list[Picture]) -> ArrayImages | FileImages:
        return _decode_files(root, images, shape) if small else _list_files(root, images)

    train, val, test = sides
    return Dataset(
        name=str(root),
        classes=found.classes,
        train=hold(train),
        val=hold(val),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        image_size=shape,
        augmentation=Augmentation(pad=max(1, round(max(shape) / 8)), flip=False),
        val_is=found.val_is,
        notes=notes,
        val_is_test=found.val_is_test,
        test=hold(test) if test else None,
        test_is=found.test_is if test else "",
        unsplit=found.unsplit,
    )


def _list_files(root: Path, pictures: list[Picture]) -> FileImages:
    labels = torch.tensor([picture.label for picture in pictures], dtype=torch.long)
    return FileImages(root, [picture.name for picture in pictures], labels)


def _decode_files(root: Path, pictures: list[Picture], shape: tuple[int, int]) -> ArrayImages:
    pixels = [decode(root / picture.name) for picture in pictures]
    held = torch.stack(pixels) if pixels else torch.empty(0, 3, *shape, dtype=torch.uint8)
    return ArrayImages(held, torch.tensor([picture.label for picture in pictures], dtype=torch.long))
