"""Accuracy of a model on a data set, exact over sets of any size."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..data import Dataset
from ..data.pixels import Normalise
from ..errors import InputError
from ..machine.precision import autocast
from ..models import Preprocessing
from ..nn.modes import evaluation_mode
from .precision import made_for
from .scores import Scores, joined, tally


@torch.no_grad()
def score(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    normalise: Normalise,
    precision: str = "fp32",
) -> Scores:
    """Return the scores of a model over uint8 batches; restores the model's mode.

    Each image counts once, whatever the batch size; logits are compared in float32, whatever the precision.

    >>> from residuum.data.pixels import Normalise
    >>> batch = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4)
    >>> len(score(residuum.load("runs/mine"), [batch], Normalise((0.5,), (0.5,), "cpu")))
    4
    """
    asked, parts = made_for(precision, model), []
    with evaluation_mode(asked):
        for pixels, truth in batches:
            images = normalise(pixels)
            with autocast(precision, images.device.type):
                logits = asked(images).float().cpu()
            parts.append(tally(as_classes(logits), truth))
    if not parts:
        raise InputError("there is no image to evaluate on")
    return joined(parts)


def as_classes(logits: Tensor) -> Tensor:
    """Return [N, classes]: of one logit z, a yes or no, [0, z], whose softmax is 1 - sigmoid(z) and sigmoid(z)."""
    return torch.cat([torch.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits


def default_preprocessing(dataset: Dataset) -> Preprocessing:
    """Return the data set's own size, mean and standard deviation.

    >>> default_preprocessing(residuum.open_data("digits")).size
    (8, 8)
    """
    return Preprocessing(size=dataset.image_size, mean=dataset.mean, std=dataset.std)
