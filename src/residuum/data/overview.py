"""Summarise a folder before training: its content, and the loading time of an epoch by step."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch

from residuum_runtime.reading import default_limit, opened

from ..seeds import drawing
from .decode import decode
from .folder import IMAGENET_MEAN, IMAGENET_STD, Picture, look_through
from .packed import Packed, Stamp
from .packing import kept_bytes, write_packed
from .pixels import Normalise
from .streaming import CropAndMirror, in_one

SAMPLE = 200  # images on which colours and times are measured, evenly spread
ROUNDS = 3  # of each measurement; the fastest counts

T = TypeVar("T")


def overview(root: str | Path, *, size: int = 224, side: int = 256, max_pixels: int | None = None) -> dict[str, Any]:
    """Return the content of a folder of images, and the cost of loading its images for a training step.

    Args:
        root: the folder.
        size: side of the images that a network receives, pixels.
        side: shorter side that a cache would keep.
        max_pixels: the largest image, pixels [default: ``residuum_runtime.reading.MAX_PIXELS``].

    Raises:
        InputError: there is no folder with images in at least two classes.
    """
    with default_limit(max_pixels):
        return _overview(Path(root), size, side)


def _overview(root: Path, size: int, side: int) -> dict[str, Any]:
    found = look_through(root)
    pictures = [*found.train, *found.val, *found.test]
    sound = [picture for picture in pictures if not picture.problem]
    sample = sound[:: max(1, -(-len(sound) // SAMPLE))]
    return {
        "folder": str(root),
        "pictures": len(pictures),
        "sides": {"train": len(found.train), "val": len(found.val), "test": len(found.test)},
        "val_is": found.val_is,
        "notes": found.notes,
        "unreadable": [{"name": picture.name, "problem": picture.problem} for picture in pictures if picture.problem],
        "classes": _classes(found.classes, sound),
        "formats": dict(Counter(_format(root / picture.name) for picture in sound).most_common()),
        "bytes": _spread([(root / picture.name).stat().st_size for picture in sound]),
        "height": _spread([picture.size[0] for picture in sound]),
        "width": _spread([picture.size[1] for picture in sound]),
        "smallest": _extreme(sound, min),
        "largest": _extreme(sound, max),
        "cache_bytes": sum(kept_bytes(picture.size, side) for picture in sound),
        "sample": len(sample),
        **(_colours(root, sample) if sample else {}),
        "size": size,
        "cache_size": side,
        "images_per_core_second": _rates(root, sample, size, side) if sample else {},
    }


def _classes(names: Sequence[str], sound: Sequence[Picture]) -> dict[str, int]:
    counts = Counter(picture.label for picture in sound)
    return {name: counts[label] for label, name in enumerate(names)}


def _format(path: Path) -> str:
    with opened(path) as image:
        return f"{image.format} {image.mode}"


def _spread(values: Sequence[int]) -> dict[str, int]:
    if not values:
        return {}
    ordered = sorted(values)
    return {"least": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1], "sum": sum(ordered)}


def _extreme(sound: Sequence[Picture], pick: Callable[..., Picture]) -> dict[str, Any] | None:
    if not sound:
        return None
    picture = pick(sound, key=lambda picture: picture.size[0] * picture.size[1])
    return {"name": picture.name, "height": picture.size[0], "width": picture.size[1]}


def _colours(root: Path, sample: Sequence[Picture]) -> dict[str, list[float]]:
    """Return mean and standard deviation of each channel over all pixels of the sample, of values scaled to 0..1."""
    count, total, squares = 0, torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for picture in sample:
        pixels = decode(root / picture.name).flatten(1).double() / 255
        count += pixels.shape[1]
        total += pixels.sum(1)
        squares += (pixels * pixels).sum(1)
    mean = total / count
    return {"mean": mean.tolist(), "std": (squares / count - mean * mean).clamp(min=0).sqrt().tolist()}


def _rates(root: Path, sample: Sequence[Picture], size: int, side: int) -> dict[str, float]:
    """Return images per second of one core for each loading step, and for all of them, decoded and from a cache."""
    with drawing(0, "augment"):
        seconds = _seconds(root, [picture.name for picture in sample], (size, size), side)
    rest = seconds["collate"] + seconds["normalise"]
    seconds["all, decoded"] = seconds["decode"] + seconds["transform"] + rest
    seconds["all, from a cache"] = seconds["transform from a cache"] + rest
    return {part: 1 / max(spent, 1e-9) for part, spent in seconds.items()}


def _seconds(root: Path, names: Sequence[str], shape: tuple[int, int], side: int) -> dict[str, float]:
    """Return seconds per image of each loading step: processor time, but wall-clock time for reading, which waits."""
    crop, normalise = CropAndMirror(shape, 0.35), Normalise(IMAGENET_MEAN, IMAGENET_STD)
    decoded = [decode(root / name) for name in names[:32]]
    varied = list(map(crop, decoded))
    batch = in_one(varied, len(varied), shape)
    seconds = {
        "read": _each(lambda name: (root / name).read_bytes(), names, time.perf_counter),
        "decode": _each(lambda name: decode(root / name), names),
        "transform": _each(crop, decoded),
        "collate": _each(lambda pictures: in_one(pictures, len(pictures), shape), [varied]) / len(varied),
        "normalise": _each(normalise, [batch]) / len(varied),
    }
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "sample.safetensors"
        write_packed(kept, root, {name: Stamp.of(root / name) for name in names}, None, side)
        seconds["transform from a cache"] = _each(crop, list(map(Packed(kept).picture, names)))
    return seconds


def _each(work: Callable[[T], Any], items: Sequence[T], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds that the work takes for one item: the fastest of ``ROUNDS``."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = clock()
        for item in items:
            work(item)
        best = min(best, (clock() - started) / len(items))
    return best
