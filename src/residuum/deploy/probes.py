"""Probe images for an exported file, and the reference's outputs on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data import ArrayImages, Augmentation, Dataset, EvaluationLoader, FileImages
from ..data.pixels import Normalise, match_channels
from ..data.streaming import fitting
from ..evaluation.matching import match_classes
from ..models import describe
from ..seeds import generator
from .prepare import Prepared

LABELLED = 1000  # default number of labelled images to measure accuracy on
REAL = 8  # real images among the probes
BATCH = 64


@dataclass
class Probes:
    """Uint8 images by name: ``images...`` [N, C, H, W] of the right size, ``picture...`` [C, H, W] of any."""

    arrays: dict[str, NDArray[np.uint8]]
    reference: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # logits [N, classes] of each
    labels: NDArray[np.int64] | None = None  # of ``images_labelled``


def make_probes(prepared: Prepared, data: Dataset | None, count: int = LABELLED) -> Probes:
    """Return batches of 1, 3 and 8 at one or two sizes, of real images and edge cases, with the reference's logits.

    Args:
        prepared: the model.
        data: its held-out images, spread evenly, are the probes; without it the two photographs of scikit-learn.
        count: number of labelled held-out images to measure accuracy on.
    """
    card = prepared.card
    height, width = card.size
    sizes = [(height, width)]
    if not card.fixed or card.pixels:
        sizes.append((height + (height // 4 | 1), width + (width // 8 | 1)))  # odd: strides must round as torch's do
    raw = _raw(data)
    arrays: dict[str, NDArray[np.uint8]] = {
        f"picture_{number}": picture.numpy() for number, picture in enumerate(raw[:3])
    }
    for size in sizes:
        pool = _pool(raw, size, card.channels)
        for first, last in ((0, 1), (1, 4), (4, 12)):
            arrays[f"images_{last - first}_{size[0]}x{size[1]}"] = pool[first:last].numpy()
    probes = Probes(arrays)
    if data is not None:
        pixels, probes.labels = labelled(data.val, prepared, data.classes, count)
        arrays["images_labelled"] = pixels
    probes.reference = {name: reference_logits(prepared, name, pixels) for name, pixels in arrays.items()}
    return probes


def labelled(
    images: ArrayImages | FileImages, prepared: Prepared, classes: Sequence[str], count: int, skip: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return up to ``count`` images of the network's size, spread evenly over the set, and the network's classes.

    Args:
        images: the images of one split.
        prepared: the network.
        classes: the data set's classes.
        count: number of images.
        skip: leave out the images that a call with this count returns.
    """
    chosen = spread(len(images), count, skip)
    part: ArrayImages | FileImages
    if isinstance(images, ArrayImages):
        part = ArrayImages(images.pixels[chosen], images.labels[chosen])
    else:
        part = replace(images, names=[str(images.names[i]) for i in chosen.tolist()], labels=images.labels[chosen])
    card = prepared.card
    loader = EvaluationLoader(part, BATCH, card.size, card.resize, interpolation=card.interpolation)
    batches = [(match_channels(pixels, card.channels), labels) for pixels, labels in loader]
    renumber = match_classes(card.classes, classes, prepared.reference)
    labels = renumber[torch.cat([labels for _, labels in batches])]
    return torch.cat([pixels for pixels, _ in batches]).contiguous().numpy(), labels.numpy()


def spread(total: int, count: int, skip: int = 0) -> Tensor:
    """Return up to ``count`` numbers below ``total``, evenly spaced, without those of ``spread(total, skip)``."""
    left = torch.arange(total)
    if skip:
        keep = torch.ones(total, dtype=torch.bool)
        keep[spread(total, skip)] = False
        left = left[keep]
    return left[torch.linspace(0, max(0, len(left) - 1), min(count, len(left))).round().long()]


@torch.no_grad()
def reference_logits(prepared: Prepared, name: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the eager float32 model's logits, or the logarithms of its probabilities."""
    card, tensor = prepared.card, torch.from_numpy(pixels)
    if name.startswith("picture"):
        tensor = match_channels(
            tensor[None] if card.pixels else fitting(card.size, card.resize, card.interpolation)(tensor)[None],
            card.channels,
        )
    if card.pixels:
        tiny = torch.finfo(torch.float32).tiny
        parts = [
            prepared.reference(match_channels(part, card.channels)).clamp_min(tiny).log()
            for part in tensor.split(BATCH)
        ]
    else:
        normalise = Normalise(card.mean, card.std)
        parts = [prepared.reference(normalise(part)) for part in tensor.split(BATCH)]
    return torch.cat(parts).numpy()


def _raw(data: Dataset | None) -> list[Tensor]:
    """Return real images unchanged."""
    if data is None:
        return photographs()
    chosen = spread(len(data.val), REAL)
    if isinstance(data.val, ArrayImages):
        return list(data.val.pixels[chosen])
    return [data.val.picture(i) for i in chosen.tolist()]


def photographs(count: int = REAL) -> list[Tensor]:
    """Return windows of the two photographs that come with scikit-learn: uint8 [3, H, W]."""
    from sklearn.datasets import load_sample_images

    draw, found = generator(0, "probes"), []
    photos: Any = load_sample_images().images
    for number in range(count):
        photo = torch.from_numpy(photos[number % 2].copy()).permute(2, 0, 1)
        _, height, width = photo.shape
        side = int(torch.randint(height // 3, height, (), generator=draw))
        top, left = (int(torch.randint(0, room - side + 1, (), generator=draw)) for room in (height, width))
        found.append(photo[:, top : top + side, left : left + side].contiguous())
    return found


def photograph_set(model: nn.Module, size: tuple[int, int], count: int = 160) -> Dataset:
    """Return windows of both photographs as the model's first two classes, to calibrate for speed only."""
    classes = describe(model).classes or [str(number) for number in range(max(2, getattr(model, "num_classes", 2)))]
    fit = fitting(size, 0)
    pixels = torch.stack([fit(window) for window in photographs(count)])
    labels = torch.arange(count) % 2
    part = ArrayImages(pixels, labels)
    return Dataset("photographs", classes, part, part, (0.5,) * 3, (0.25,) * 3, size, Augmentation(0, False), "-")


def _pool(raw: Sequence[Tensor], size: tuple[int, int], channels: int) -> Tensor:
    """Return 12 images of that size: two real, black, white; noise, chequers, further real ones."""
    fit = fitting(size, 0)
    real = torch.cat([match_channels(fit(picture)[None], channels) for picture in raw])
    noise = torch.randint(0, 256, (1, channels, *size), generator=generator(0, "probes", *size), dtype=torch.uint8)
    rows, columns = torch.arange(size[0]) % 2, torch.arange(size[1]) % 2
    chequers = (255 * (rows[:, None] ^ columns)).to(torch.uint8).expand(1, channels, -1, -1)
    edges = [torch.zeros_like(noise), torch.full_like(noise, 255), noise, chequers]
    wanted = real[torch.arange(REAL) % len(real)]
    return torch.cat([wanted[:2], *edges[:2], *edges[2:], wanted[2:]])
