"""Decode a folder once: write the file that ``packed.py`` reads, and update it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from residuum_runtime.reading import default_limit, opened

from ..errors import DiskError, ImageError, InputError
from ..files import locked, make_folder, replacing, sweep
from .dataset import Dataset, FileImages
from .decode import decode, jpeg_decoder
from .packed import COLUMNS, FORMAT, Packed, Stamp, bytes_of, checksum, fresh, kept_at
from .streaming import fitting_shorter

HEADER = 1 << 12  # bytes reserved for the file's header, which is written last
AT_ONCE = 64  # images decoded before they are written
SAY_EVERY = 10.0  # seconds
LOCK = "lock"
ELSEWHERE = "free space, set RESIDUUM_CACHE to a folder elsewhere, or leave --cache out"

Tell = Callable[[str], None]


def quiet(text: str) -> None:
    """Report nothing."""


class PackedImage(NamedTuple):
    """One image, on its way into the file."""

    name: str
    rows: Tensor  # uint8 [height, width, 3]
    full: tuple[int, int]  # height and width as decoded
    stamp: Stamp


def pack_images(dataset: Dataset, side: int, tell: Tell = quiet) -> Dataset:
    """Return the data set with its images read from the cache, where they are kept decoded at one size.

    Resizes the shorter side of an image to ``side`` (antialiased bilinear, on bytes; smaller images stay as they are):
    evaluation that resizes to ``side`` sees the same bits, and random crops come from the stored image. Decodes image
    files that are new, or whose size or modification time changed, and copies the others; the complete file is then
    renamed into place. Other processes wait meanwhile.

    Args:
        dataset: of image files.
        side: pixels.
        tell: receives progress messages.

    Raises:
        InputError: the data set's images are held in memory, or one cannot be read.
        DiskError: there is no room, or the cache's folder cannot be written.

    >>> dataset = pack_images(residuum.open_data("PHOTOS"), side=8)  # in $RESIDUUM_CACHE
    >>> min(dataset.train.picture(0).shape[1:])
    8
    """
    sides = {"train": dataset.train, "val": dataset.val, "test": dataset.test}
    files = {key: images for key, images in sides.items() if isinstance(images, FileImages)}
    if not isinstance(dataset.train, FileImages):
        raise InputError(
            f"a cache is for folders whose images are decoded in each epoch, but those of {dataset.name} are held in "
            "memory already; leave --cache out"
        )
    root = dataset.train.root
    names = list(dict.fromkeys(str(name) for images in files.values() for name in images.names))
    with default_limit(dataset.train.max_pixels):
        held = _up_to_date(root, names, side, tell)
    return replace(dataset, **{key: replace(images, packed=held) for key, images in files.items()})


def _up_to_date(root: Path, names: Sequence[str], side: int, tell: Tell) -> Packed:
    path = kept_at(root, side)
    stamps = {name: Stamp.of(root / name) for name in names}
    held = _open(path, tell)
    if held is not None and len(fresh(held, stamps, names)) == len(names):
        return held
    make_folder(path.parent, ELSEWHERE)

    def waiting() -> None:
        tell(f"waiting: another process is writing {path}")

    with locked(path.parent / LOCK, "", waiting, ELSEWHERE):
        held = _open(path, tell)  # the file that the other process wrote
        if held is None or len(fresh(held, stamps, names)) < len(names):
            sweep(path.parent)
            write_packed(path, root, stamps, held, side, tell)
            held = Packed(path)
    return held


def _open(path: Path, tell: Tell) -> Packed | None:
    try:
        return Packed(path) if path.exists() else None
    except OSError:  # an impossible name; making its folder reports it
        return None
    except ValueError as error:
        tell(f"the cache {path} cannot be used ({error}); decoding its images again")
        return None


def write_packed(
    path: Path, root: Path, stamps: dict[str, Stamp], held: Packed | None, side: int, tell: Tell = quiet
) -> None:
    """Write all images of ``stamps``, and those that ``held`` has and whose files still exist."""
    if held is not None:
        stamps = {**_still_there(root, held), **stamps}
    still = fresh(held, stamps, stamps)
    kept, new = [name for name in stamps if name in still], [name for name in stamps if name not in still]
    size = sum(_bytes_of(root / name, side) for name in new) + (held.size_of(kept) if held is not None else 0)
    make_folder(path.parent, ELSEWHERE)
    if (free := shutil.disk_usage(path.parent).free) < 1.02 * size:
        raise DiskError(
            f"the decoded images need {size / 1e6:,.1f} MB in {path.parent}, which has {free / 1e6:,.1f} MB free; "
            "free space, set RESIDUUM_CACHE to a folder elsewhere, take a smaller --cache-size, or leave --cache out"
        )
    again = f", {len(kept):,} are kept" if held is not None else ""
    tell(f"decoding {len(new):,} images of {root} once{again}: {size / 1e6:,.1f} MB in {path}")
    as_they_are = (PackedImage(name, *held.content(name), stamps[name]) for name in kept) if held is not None else ()
    with replacing(path, ELSEWHERE) as temporary, temporary.open("wb") as file:
        _fill(file, chain(as_they_are, _decode_rows(root, new, stamps, side, tell)))


def _still_there(root: Path, held: Packed) -> dict[str, Stamp]:
    return {name: Stamp.of(root / name) for name in held.rows if (root / name).is_file()}


def _bytes_of(path: Path, side: int) -> int:
    """Return the bytes of a decoded image file, to within a row of pixels; reads its header."""
    try:
        with opened(path) as image:
            return kept_bytes(image.size, side)
    except ImageError:
        return 0  # decoding it reports the fault


def kept_bytes(size: tuple[int, int], side: int) -> int:
    """Return the bytes of an image of that size whose shorter side is resized to ``side``."""
    short, long = sorted(size)
    return 3 * short * long if short <= side else 3 * side * (side * long // short)


def _decode_rows(
    root: Path, names: Sequence[str], stamps: dict[str, Stamp], side: int, tell: Tell
) -> Iterator[PackedImage]:
    """Decode images in threads, some at a time, so that few are in memory."""
    shrink, started, told = fitting_shorter(side), time.monotonic(), time.monotonic()

    def one(name: str) -> PackedImage:
        picture = decode(root / name)
        full = (picture.shape[1], picture.shape[2])
        fitted = picture if min(full) <= side else shrink(picture)
        return PackedImage(name, fitted.permute(1, 2, 0).contiguous(), full, stamps[name])

    jpeg_decoder()  # load it once, before many threads need it
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in range(0, len(names), AT_ONCE):
            yield from pool.map(one, names[done : done + AT_ONCE])
            if (now := time.monotonic()) - told > SAY_EVERY:
                told, count = now, min(done + AT_ONCE, len(names))
                left = (now - started) / count * (len(names) - count)
                tell(f"decoded {count:,} of {len(names):,} images; about {left:,.0f} s to go")


def _fill(file: BinaryIO, rows: Iterable[PackedImage]) -> None:
    """Write a safetensors file whose header comes last, since only then it is known how many bytes there are."""
    names, columns, start = [], [], 0
    file.seek(HEADER)
    for name, pixels, full, stamp in rows:
        file.write(bytes_of(pixels))
        names.append(name)
        columns.append((start, *pixels.shape[:2], *full, checksum(pixels), *stamp))
        start += pixels.numel()
    padding = -start % 8  # numbers of eight bytes follow
    file.write(bytes(padding))
    file.write(bytes_of(torch.tensor(columns).T.contiguous()))
    told = "\0".join(names).encode("utf-8", "surrogateescape")
    file.write(told)
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT}}
    sizes = {"pixels": start + padding, **dict.fromkeys(COLUMNS, 8 * len(names)), "names": len(told)}
    begin = 0
    for key, size in sizes.items():
        kind, each = ("I64", 8) if key in COLUMNS else ("U8", 1)
        header[key] = {"dtype": kind, "shape": [size // each], "data_offsets": [begin, begin + size]}
        begin += size
    text = json.dumps(header).encode()
    file.seek(0)
    file.write((HEADER - 8).to_bytes(8, "little") + text.ljust(HEADER - 8))
