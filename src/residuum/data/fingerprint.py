"""The fingerprint of a data set: its counts, and hashes of its content."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .dataset import ArrayImages, Dataset, FileImages

OF_FILES = ("bytes", "sample", "images")  # keys of the files' content, beside labels and names
SAMPLED = 32  # files hashed in a larger set
LISTED, LISTED_BYTES = 2_000, 256 << 20  # files and bytes up to which every file is hashed


def fingerprint(dataset: Dataset) -> dict[str, Any]:
    """Return the number of images, and a hash of labels and pixels (for files: of labels and names)."""
    digest = hashlib.sha256()
    sides = (dataset.train, dataset.val, *([] if dataset.test is None else [dataset.test]))
    for images in sides:
        for part in _content(images):
            digest.update(part)
    return {
        "train": len(dataset.train),
        "val": len(dataset.val),
        "classes": len(dataset.classes),
        "sha256": digest.hexdigest(),
        **_of_files([images for images in sides if isinstance(images, FileImages)]),
    }


def _of_files(sides: list[FileImages]) -> dict[str, Any]:
    """Return the files' total bytes, and hashes of content by name: of all, or of an evenly spread sample."""
    if not sides:
        return {}
    files = [(str(name), images.root / name) for images in sides for name in images.names]
    some = files[:: max(1, len(files) // SAMPLED)][:SAMPLED]
    size = sum(_bytes_of(path) for _, path in files)
    every = len(files) <= LISTED and size <= LISTED_BYTES
    hashed = dict(map(_hash_file, files if every else some))
    found = {"bytes": size, "sample": {name: hashed[name] for name, _ in some}}
    return {**found, "images": hashed} if every else found


def _bytes_of(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _hash_file(file: tuple[str, Path]) -> tuple[str, str]:
    with contextlib.suppress(OSError):
        return file[0], hashlib.sha256(file[1].read_bytes()).hexdigest()[:16]
    return file[0], "cannot be read"


def _content(images: ArrayImages | FileImages) -> Iterator[Any]:
    yield images.labels.numpy().tobytes()
    if isinstance(images, FileImages):
        yield "\n".join(images.names).encode("utf-8", "surrogateescape")
    else:
        yield str(tuple(images.pixels.shape)).encode()
        yield images.pixels.contiguous().numpy()
