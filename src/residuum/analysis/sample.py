"""A sample of images, prepared for a model: the input of every analysis of a trained model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data import ArrayImages, Dataset, EvaluationLoader, FileImages, open_data
from ..data.pixels import Normalise
from ..errors import InputError
from ..evaluation import Scores, default_preprocessing, score
from ..evaluation.matching import match_classes
from ..models import describe
from ..seeds import generator


@dataclass(frozen=True)
class Sample:
    """Images in the model's size, with the model's numbers of their classes."""

    pixels: Tensor  # uint8 [N, channels, height, width]
    labels: Tensor  # int64 [N]
    normalise: Normalise
    batch_size: int = 250

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 pixels [B, C, H, W] and labels [B], in order."""
        yield from zip(self.pixels.split(self.batch_size), self.labels.split(self.batch_size), strict=True)

    def images(self) -> Iterator[Tensor]:
        """Yield the network's input: float32 [B, C, H, W]."""
        for pixels, _ in self.batches():
            yield self.normalise(pixels)

    def first(self, count: int) -> Sample:
        """Return the first ``count`` images."""
        return dataclasses.replace(self, pixels=self.pixels[:count], labels=self.labels[:count])

    def seen_as(self, pixels: Tensor) -> Sample:
        """Return the same sample with other pixels: corrupted ones."""
        return dataclasses.replace(self, pixels=pixels)


def take_sample(
    model: nn.Module, data: str | Path | Dataset, *, count: int = 0, split: str = "val", seed: int = 0
) -> Sample:
    """Draw images of a data set and prepare them as the model's description says, as ``evaluate`` does.

    Args:
        model: from ``create_model``, ``load`` or a run.
        data: a data set, its name, or a folder of images.
        count: the number of images, drawn without replacement from the stream ``sample``: a larger sample begins with
            the smaller one; 0 takes all in their order.
        split: ``val`` or ``train``.
        seed: the study's.

    Raises:
        InputError: another split, a negative count, or classes that do not fit the model.
    """
    dataset = data if isinstance(data, Dataset) else open_data(data)
    if split not in ("train", "val"):
        raise InputError(f"split must be train or val, got {split!r}")
    if count < 0:
        raise InputError(f"count must be a number of images, or 0 for all, got {count}")
    images = dataset.train if split == "train" else dataset.val
    if count and count < len(images):
        images = _chosen(images, torch.randperm(len(images), generator=generator(seed, "sample"))[:count])
    preprocessing = describe(model).preprocessing or default_preprocessing(dataset)
    height, width = preprocessing.size
    shown = EvaluationLoader(
        images, 256, (height, width), preprocessing.resize, interpolation=preprocessing.interpolation
    )
    pixels, labels = zip(*shown, strict=True)
    renumber = match_classes(describe(model).classes, dataset.classes, model)
    device = next(model.parameters()).device
    normalise = Normalise(preprocessing.mean, preprocessing.std, device)
    return Sample(torch.cat(pixels), renumber[torch.cat(labels)], normalise)


def scores(model: nn.Module, sample: Sample) -> Scores:
    """Return the model's scores on the sample, in evaluation mode."""
    return score(model, sample.batches(), sample.normalise)


def hits(model: nn.Module, sample: Sample) -> Tensor:
    """Return which images the model classifies correctly: bool [N]."""
    found = scores(model, sample)
    return found.ranked[:, 0] == found.labels


def _chosen(images: ArrayImages | FileImages, chosen: Tensor) -> ArrayImages | FileImages:
    if isinstance(images, ArrayImages):
        return ArrayImages(images.pixels[chosen], images.labels[chosen])
    names = [str(images.names[index]) for index in chosen.tolist()]
    return dataclasses.replace(images, names=names, labels=images.labels[chosen])
