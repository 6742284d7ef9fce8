"""Accuracy of a model on a data set, exact over sets of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ..data import Dataset
from ..data.pixels import Normalise
from ..errors import InputError
from ..models import Preprocessing
from .precision import autocast, made_for
from .scores import Scores, joined, tally


@torch.no_grad()
def score(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    normalise: Normalise,
    precision: str = "fp32",
) -> Scores:
    """Return the scores of a model over uint8 batches; the model is left in the mode it was found in.

    Each picture counts once, whatever the batch size; logits are compared in float32, whatever the precision.
    """
    was_training, asked = model.training, made_for(precision, model).eval()
    parts = []
    for pixels, truth in batches:
        images = normalise(pixels)
        with autocast(precision, images.device.type):
            logits = asked(images).float().cpu()
        parts.append(tally(logits, truth))
    model.train(was_training)
    if not parts:
        raise InputError("there is no picture to evaluate on")
    return joined(parts)


def default_preprocessing(dataset: Dataset) -> Preprocessing:
    """Return the data set's own size, mean and standard deviation."""
    return Preprocessing(size=dataset.image_size, mean=dataset.mean, std=dataset.std)


def match_classes(of_model: Sequence[str], of_data: Sequence[str], model: nn.Module) -> Tensor:
    """Return the model's class number for each of the data set's: int64 [data classes]."""
    num_classes = getattr(model, "num_classes", len(of_data))
    if of_model and set(of_data) <= set(of_model):
        return torch.tensor([list(of_model).index(name) for name in of_data])
    if of_model and not set(of_model) & set(of_data) and len(of_model) == len(of_data):
        return torch.arange(len(of_data))  # other names for the same number of classes: the order decides
    if of_model or num_classes < len(of_data):
        missing = sorted(set(of_data) - set(of_model)) or list(of_data)
        raise InputError(
            f"the model must know the data set's {len(of_data)} classes, but it has {num_classes} "
            f"and lacks {', '.join(missing[:5])}; train one on this data, or evaluate on data with its classes"
        )
    return torch.arange(len(of_data))
