"""Split by the hash of names: select the validation images of a folder without sides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

VAL_SHARE = 0.2


class Picture(NamedTuple):
    """One image file."""

    name: str  # relative to the root, with forward slashes
    label: int
    size: tuple[int, int]  # height, width, pixels; (0, 0) where it cannot be read
    problem: str  # why it cannot be read
    several: bool = False  # it has several frames or pages; only the first is used


def in_validation(name: str) -> bool:
    """Return whether ``CLASS/NAME`` is for validation: its hash, as a fraction, is below 0.2."""
    return _hash(name) < VAL_SHARE * 2**32


def divide(images: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
    """Return training and validation images: ``in_validation`` decides, but every class keeps a training image.

    If all readable images of a class fall to validation, the one with the largest hash stays for training.
    """
    trained = {image.label for image in images if not image.problem and not in_validation(image.name)}
    kept: dict[int, Picture] = {}
    for image in images:
        if image.problem or image.label in trained:
            continue
        kept[image.label] = max(kept.get(image.label, image), image, key=lambda image: _hash(image.name))
    names = {image.name for image in kept.values()}
    held = [in_validation(image.name) and image.name not in names for image in images]
    sides = [[image for image, hold in zip(images, held, strict=True) if hold is side] for side in (False, True)]
    return sides[0], sides[1]


def _hash(name: str) -> int:
    key = "/".join(name.split("/")[-2:])
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:4], "big")
