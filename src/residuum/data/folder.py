"""A folder of pictures: train/CLASS/*.jpg, val/CLASS/*.jpg and test/CLASS/*.jpg, or just CLASS/*.jpg."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from ..errors import InputError
from .dataset import ArrayImages, Augmentation, Dataset, FileImages
from .decode import EXTENSIONS, decode, jpeg_decoder
from .packed import Stamp, newest

TRAIN_NAMES, VAL_NAMES, TEST_NAMES = ("train", "training"), ("val", "valid", "validation"), ("test",)
VAL_SHARE = 0.2
IN_MEMORY_SIDE = 64  # pixels: pictures all of one size up to this are decoded once and held
IN_MEMORY_BYTES = 2 << 30
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Picture(NamedTuple):
    """One file, as it was found."""

    name: str  # relative to the root, with forward slashes
    label: int
    size: tuple[int, int]  # height, width, pixels; (0, 0) where it cannot be read
    problem: str  # why it cannot be read


class Found(NamedTuple):
    """What lies in a folder."""

    classes: list[str]
    train: list[Picture]
    val: list[Picture]
    test: list[Picture]
    val_is: str
    val_is_test: bool


def load(root: str | Path, *, strict: bool = False) -> Dataset:
    """Return the folder's pictures; the class of a picture is the name of the folder it lies in.

    Without a val folder a picture is for validation when the sha256 of its path ``CLASS/NAME`` says so (one in five):
    no picture changes sides when others are added. With val/ and test/ the latter is looked at once, at a run's end;
    test/ alone is held out like val/, but nothing should be chosen on it. Every picture is decoded once to find the
    damaged ones, which are left out and named in ``notes``.

    Args:
        root: the folder.
        strict: stop at a damaged picture instead of leaving it out.

    Raises:
        InputError: no pictures, one class only, a class without pictures, or (strict) a damaged picture.
    """
    root = Path(root)
    classes, train, val, test, val_is, val_is_test = look_through(root)
    notes = _damaged([*train, *val, *test], strict)
    train, val, test = ([picture for picture in side if not picture.problem] for side in (train, val, test))
    _check_classes(root, classes, train, val)
    return replace(_dataset(root, classes, [train, val, test], val_is, notes), val_is_test=val_is_test)


def look_through(root: Path) -> Found:
    """Find the folder's pictures, sound and damaged ones, and which side each is on."""
    train_root, val_root, test_root = (_sub_folder(root, names) for names in (TRAIN_NAMES, VAL_NAMES, TEST_NAMES))
    held_root = val_root or test_root
    if held_root is not None and train_root is None:
        raise InputError(
            f"{root} has {held_root.name}/ but no train/; add train/CLASS/*.jpg, or name the folder above its classes"
        )
    classes = _classes(train_root or root)
    found, test = _scan(root, train_root or root, classes), []
    if held_root is None:
        train, val = [p for p in found if not in_validation(p.name)], [p for p in found if in_validation(p.name)]
        val_is = "one picture in five, by the hash of its name"
    else:
        train, val, val_is = found, _held_out(root, held_root, classes), f"the folder {held_root.name}/"
    if val_root is not None and test_root is not None:
        test = _held_out(root, test_root, classes)
    return Found(classes, train, val, test, val_is, held_root is not None and held_root == test_root)


def _held_out(root: Path, folder: Path, classes: Sequence[str]) -> list[Picture]:
    """List the pictures of a folder beside train/, whose classes must be among train's."""
    if extra := sorted(set(_classes(folder, at_least=1)) - set(classes)):
        raise InputError(f"{folder} has classes that train/ lacks: {', '.join(extra[:5])}; add or remove them")
    return _scan(root, folder, classes)


def in_validation(name: str) -> bool:
    """Say whether ``CLASS/NAME`` is for validation: its hash, as a fraction, is below 0.2."""
    key = "/".join(name.split("/")[-2:])
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") < VAL_SHARE * 2**32


def _dataset(root: Path, classes: Sequence[str], sides: list[list[Picture]], val_is: str, notes: list[str]) -> Dataset:
    sizes = [picture.size for side in sides for picture in side]
    shape = (int(median(height for height, _ in sizes)), int(median(width for _, width in sizes)))
    small = (
        len(set(sizes)) == 1
        and max(shape) <= IN_MEMORY_SIDE
        and 3 * shape[0] * shape[1] * len(sizes) <= IN_MEMORY_BYTES
    )
    hold = _decoded if small else _listed
    train, val, test = sides
    return Dataset(
        name=str(root),
        classes=classes,
        train=hold(root, train),
        val=hold(root, val),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        image_size=shape,
        augmentation=Augmentation(pad=max(1, round(max(shape) / 8)), flip=False),
        val_is=val_is,
        notes=notes,
        test=hold(root, test) if test else None,
        test_is="the folder test/" if test else "",
    )


def _listed(root: Path, pictures: list[Picture]) -> FileImages:
    return FileImages(root, [p.name for p in pictures], torch.tensor([p.label for p in pictures]))


def _decoded(root: Path, pictures: list[Picture]) -> ArrayImages:
    pixels = torch.stack([decode(root / picture.name) for picture in pictures])
    return ArrayImages(pixels, torch.tensor([picture.label for picture in pictures]))


def _sub_folder(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _classes(root: Path, at_least: int = 2) -> list[str]:
    if not root.is_dir():
        raise InputError(f"expected a folder of pictures, but {root} is {'a file' if root.exists() else 'not there'}")
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(classes) < at_least:
        got = f"one folder ({classes[0]})" if classes else "no folders"
        raise InputError(f"{root} must hold a folder of pictures for each of at least two classes, got {got}")
    return classes


def _scan(root: Path, folder: Path, classes: Sequence[str]) -> list[Picture]:
    """List the pictures below each class in the order of their names, decoding each to see whether it is sound.

    What a cache (``packing.py``) has decoded since the file was last changed is sound.
    """
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in EXTENSIONS and path.is_file() and not path.name.startswith(".")
    ]
    if not files:
        raise InputError(
            f"{folder} has class folders but no pictures in them; expected {', '.join(sorted(EXTENSIONS))}"
        )

    held = newest(root)

    def look(file: tuple[Path, int]) -> Picture:
        path, label = file
        name = path.relative_to(root).as_posix()
        if held is not None and name in held.rows and held.stamp(name) == Stamp.of(path):
            return Picture(name, label, held.full_size(name), "")
        try:
            _, height, width = decode(path).shape
        except InputError as error:
            return Picture(name, label, (0, 0), str(error.__cause__ or error))
        return Picture(name, label, (height, width), "")

    jpeg_decoder()  # looked for once, before many threads ask
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look, files))


def _damaged(pictures: list[Picture], strict: bool) -> list[str]:
    damaged = [picture for picture in pictures if picture.problem]
    if strict and damaged:
        raise InputError(
            f"{damaged[0].name} cannot be read ({damaged[0].problem}); mend it, or leave out --strict to go on without"
        )
    notes = [f"left out {picture.name}: {picture.problem}" for picture in damaged]
    return [f"{len(damaged)} of {len(pictures)} pictures could not be read", *notes] if damaged else []


def _check_classes(root: Path, classes: Sequence[str], train: list[Picture], val: list[Picture]) -> None:
    present = {picture.label for picture in train}
    if missing := [name for label, name in enumerate(classes) if label not in present]:
        raise InputError(
            f"every class of {root} needs training pictures that can be read; none for {', '.join(missing[:5])}: "
            "add pictures or remove the folder"
        )
    if not val:
        raise InputError(
            f"{root} leaves no picture for validation ({len(train)} in all, one in five is chosen by its name); "
            "add pictures, or make train/ and val/ folders"
        )
