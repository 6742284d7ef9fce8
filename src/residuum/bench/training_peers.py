"""The training loops that Residuum is measured against; each yields once for each step.

``ordinary`` is the loop of torchvision's references and of most tutorials: float32, a DataLoader with worker processes,
PIL images through a list of transforms, ``loss.item()`` after each step. ``torchs_best`` is what torch's own
operations can do on a CPU: channels last, the precision that a trial finds faster, batches that are varied as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from multiprocessing import get_all_start_methods
from typing import Any, cast

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from ..compat import import_torchvision
from ..data import ArrayImages, Dataset, MemoryLoader
from ..data.pixels import Normalise
from ..machine.precision import autocast
from ..optim.optimisers import build_optimiser
from ..training.loop import Method, groups, train_steps

SGD: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}


def ordinary(model: nn.Module, dataset: Dataset, batch_size: int, workers: int) -> Iterator[None]:
    """Train in float32 from PIL images."""
    optimiser = torch.optim.SGD(model.parameters(), **SGD)
    loader = DataLoader(
        _Pictures(dataset),
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        # what a script has on Linux; a process that was spawned would spawn its workers too
        multiprocessing_context="fork" if workers and "fork" in get_all_start_methods() else None,
    )
    model.train()
    for _ in count():
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
            yield


def torchs_best(model: nn.Module, dataset: Dataset, batch_size: int, precision: str) -> Iterator[None]:
    """Train with torch's own operations as fast as they go here."""
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimiser = torch.optim.SGD(model.parameters(), **SGD, foreach=True)
    normalise = Normalise(dataset.mean, dataset.std)
    model.train()
    for images, labels in _batches(dataset, batch_size):
        with autocast(precision, "cpu"):
            loss = F.cross_entropy(model(normalise(images)).float(), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
        yield


def residuums(model: nn.Module, dataset: Dataset, batch_size: int, precision: str) -> Iterator[None]:
    """Train with Residuum's own loop; the model is fused where its kernel serves."""
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    method = Method(
        schedule=lambda step: 1.0,
        criterion=F.cross_entropy,
        seed=0,
        autocast=autocast(precision, "cpu"),
        normalise=Normalise(dataset.mean, dataset.std),
    )
    optimiser = build_optimiser("sgd", model, **SGD)
    for step in train_steps(model, groups(_batches(dataset, batch_size), 1), optimiser, method):
        step.loss.item()
        yield


def _batches(dataset: Dataset, batch_size: int) -> Iterator[Any]:
    loader = MemoryLoader(_in_memory(dataset), batch_size, 0, pad=dataset.augmentation.pad, flip=True)
    for epoch in count():
        yield from loader.batches(epoch)


def _in_memory(dataset: Dataset) -> ArrayImages:
    assert isinstance(dataset.train, ArrayImages), "the benchmark takes images in memory"
    return dataset.train


class _Pictures(torch.utils.data.Dataset[Any]):
    """Images as torchvision serves them: PIL through a list of transforms."""

    def __init__(self, dataset: Dataset) -> None:
        import_torchvision()
        from torchvision import transforms

        images = _in_memory(dataset)
        self.pixels, self.labels = images.pixels.permute(0, 2, 3, 1).contiguous().numpy(), images.labels
        self.mode = "RGB" if self.pixels.shape[3] == 3 else "L"
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(self.pixels.shape[1:3], padding=dataset.augmentation.pad),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(dataset.mean, dataset.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        pixels = self.pixels[index]
        picture = Image.fromarray(pixels if self.mode == "RGB" else pixels[:, :, 0], self.mode)
        return cast(torch.Tensor, self.transform(picture)), int(self.labels[index])
