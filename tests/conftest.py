"""What all tests share."""

import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side, and so do the commands that they start

from residuum.spinning import limit_spinning

limit_spinning()  # before torch is loaded

import pytest
import torch
from PIL import Image

from residuum.compat import import_torchvision

import_torchvision()  # peers import torchvision by themselves and may find it unable to load its operators


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def digit_folder(tmp_path: Path) -> Path:
    """Return a folder of 60 real digits of three classes, written out as PNG files."""
    from residuum.data import open_data

    images = open_data("digits").train
    root = tmp_path / "pictures"
    for label in range(3):
        (root / f"digit-{label}").mkdir(parents=True)
        for number, index in enumerate((images.labels == label).nonzero().flatten()[:20].tolist()):
            Image.fromarray(images.pixels[index, 0].numpy()).save(root / f"digit-{label}" / f"{number:03}.png")
    return root
