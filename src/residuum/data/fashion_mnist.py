"""Fashion-MNIST: 70,000 grey images of 28x28 in ten classes (Xiao et al. 2017, MIT licence)."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..compat import import_torchvision
from ..errors import InputError
from ..files import cache_directory
from .dataset import ArrayImages, Augmentation, Dataset

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist

LARGEST = 16 + 60_000 * 28 * 28  # bytes of the largest file, unpacked

# file: sha256 of the unpacked content (packages pack it differently)
FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def load() -> Dataset:
    """Return 60,000 training images and the 10,000 of the official test set."""
    folder = _folder()
    arrays = [_read_idx(folder / name, sha256) for name, sha256 in FILES.items()]
    return Dataset(
        name="fashion_mnist",
        classes=CLASSES,
        train=ArrayImages(arrays[0].unsqueeze(1), arrays[1].long()),
        val=ArrayImages(arrays[2].unsqueeze(1), arrays[3].long()),
        mean=(0.2860,),
        std=(0.3530,),
        image_size=(28, 28),
        augmentation=Augmentation(pad=2, flip=True),
        val_is="the official test set",
        val_is_test=True,
    )


def _folder() -> Path:
    downloaded = cache_directory() / "FashionMNIST" / "raw"
    for folder in (DEBIAN, downloaded):
        if all((folder / name).exists() for name in FILES):
            return folder
    import_torchvision()
    from torchvision.datasets import FashionMNIST

    try:
        FashionMNIST(cache_directory(), download=True)
    except Exception as error:  # the network's many ways to fail
        raise InputError(
            f"Fashion-MNIST is neither in {DEBIAN} nor in {downloaded}, and torchvision's download failed ({error}); "
            "install Debian's package dataset-fashion-mnist or put the four .gz files into one of these folders"
        ) from error
    return downloaded


def _read_idx(path: Path, sha256: str) -> Tensor:
    """Read the idx format: a magic number whose last byte is the rank, big-endian sizes, bytes."""
    with gzip.open(path) as file:
        content = file.read(LARGEST + 1)
    if (got := hashlib.sha256(content).hexdigest()) != sha256:
        raise InputError(f"{path} unpacks to sha256 {got}, expected {sha256}; remove it and fetch it again")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape.tolist()).copy())
