"""A folder's images, decoded to one size and stored in one memory-mapped file.

It is a safetensors file: ``pixels``, the images one after the other, rows of RGB bytes; and for each image its name,
its start, its height and width here and in full, a checksum, and the size and time of its file. Labels are not stored:
the folders give them at every start, so they cannot be stale.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..files import cache_directory

FORMAT = "residuum pictures 1"  # as earlier versions wrote it: their caches are used again
COLUMNS = ("start", "height", "width", "full_height", "full_width", "checksum", "bytes", "time")  # int64 [N] each
CHECKED = 64  # images whose checksum is compared when a file is opened, evenly spread


class Stamp(NamedTuple):
    """Size and time of an image file, which show whether it changed since it was read."""

    bytes: int
    time: int  # of its last change, nanoseconds

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Return the stamp of a file."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns)


class Packed:
    """The images of one file, by name; they are views into it, and nothing is read before it is used."""

    def __init__(self, path: Path) -> None:
        """Open the file; raise ValueError for one that is damaged or something else."""
        self.path = path
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                if about.get("format") != FORMAT:
                    raise ValueError(f"its format is {about.get('format', 'something else')!r}, not {FORMAT!r}")
                self.pixels: Tensor = file.get_tensor("pixels")
                self.columns: dict[str, Tensor] = {name: file.get_tensor(name) for name in COLUMNS}
                names = bytes(file.get_tensor("names").numpy()).decode("utf-8", "surrogateescape").split("\0")
        except (SafetensorError, OSError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from error
        self.rows = {name: row for row, name in enumerate(names)}
        self._check()

    def __reduce__(self) -> Any:
        return Packed, (self.path,)  # a worker process that is not forked maps the file itself

    def __len__(self) -> int:
        return len(self.rows)

    def picture(self, name: str) -> Tensor:
        """Return uint8 [3, height, width], a pixel's colours side by side."""
        return self._rows(self.rows[name]).permute(2, 0, 1)

    def full_size(self, name: str) -> tuple[int, int]:
        """Return height and width of the image in its file."""
        row = self.rows[name]
        return int(self.columns["full_height"][row]), int(self.columns["full_width"][row])

    def content(self, name: str) -> tuple[Tensor, tuple[int, int]]:
        """Return rows of pixels, uint8 [height, width, 3], and the full size."""
        return self._rows(self.rows[name]), self.full_size(name)

    def size_of(self, names: Iterable[str]) -> int:
        """Return the total bytes of those images."""
        chosen = torch.tensor([self.rows[name] for name in names], dtype=torch.long)
        return int((3 * self.columns["height"] * self.columns["width"])[chosen].sum())

    def stamp(self, name: str) -> Stamp:
        """Return the stamp that the image's file had when it was read."""
        row = self.rows[name]
        return Stamp(int(self.columns["bytes"][row]), int(self.columns["time"][row]))

    def _rows(self, row: int) -> Tensor:
        start, height, width = (int(self.columns[key][row]) for key in ("start", "height", "width"))
        return self.pixels[start : start + 3 * height * width].view(height, width, 3)

    def _check(self) -> None:
        if {len(column) for column in self.columns.values()} != {len(self.rows)}:
            raise ValueError("its columns have different lengths")
        ends = self.columns["start"] + 3 * self.columns["height"] * self.columns["width"]
        if int(ends.max()) > len(self.pixels) or min(int(column.min()) for column in self.columns.values()) < 0:
            raise ValueError("images lie outside of it")
        for row in range(0, len(self.rows), max(1, len(self.rows) // CHECKED)):
            if checksum(self._rows(row)) != int(self.columns["checksum"][row]):
                raise ValueError(f"image {row} fails its checksum")


def checksum(rows: Tensor) -> int:
    """Return the CRC-32 of an image's bytes."""
    return zlib.crc32(bytes_of(rows))


def bytes_of(numbers: Tensor) -> Any:
    """Return the memory of a contiguous tensor."""
    return numbers.numpy()


def kept_at(root: Path, side: int) -> Path:
    """Return the path of a folder's images at that shorter side, below the user's cache."""
    key = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return cache_directory() / "pictures" / key / f"{side}.safetensors"


def newest(root: Path) -> Packed | None:
    """Return the newest cache of a folder, at any size; None if there is none that can be read."""
    try:
        found = kept_at(root, 0).parent.glob("*.safetensors")
        return Packed(max(found, key=lambda path: path.stat().st_mtime_ns))
    except (ValueError, OSError):
        return None


def fresh(packed: Packed | None, stamps: dict[str, Stamp], names: Iterable[str]) -> set[str]:
    """Return the names of the images that are cached and have not changed since."""
    if packed is None:
        return set()
    return {name for name in names if name in packed.rows and packed.stamp(name) == stamps.get(name)}
