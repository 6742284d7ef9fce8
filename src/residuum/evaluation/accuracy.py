"""Accuracy of a model on a data set, exact over sets of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import Dataset, EvaluationLoader, open_data
from ..data.pixels import Normalise
from ..errors import InputError
from ..models import Preprocessing, describe
from .scores import Scores


@torch.no_grad()
def score(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    normalise: Normalise,
    autocast: AbstractContextManager[object] | None = None,
) -> Scores:
    """Return the scores of a model over uint8 batches; the model is left in the mode it was found in.

    Each picture counts once, whatever the batch size; logits are compared in float32.
    """
    was_training = model.training
    model.eval()
    labels, ranked, confidence, losses, classes = [], [], [], [], 0
    for pixels, truth in batches:
        with autocast or nullcontext():
            logits = model(normalise(pixels)).float().cpu()
        classes = logits.shape[1]
        best = logits.softmax(1).topk(min(5, classes))
        labels.append(truth)
        ranked.append(best.indices)
        confidence.append(best.values[:, 0])
        losses.append(F.cross_entropy(logits, truth, reduction="none"))
    model.train(was_training)
    if not labels:
        raise InputError("there is no picture to evaluate on")
    return Scores(torch.cat(labels), torch.cat(ranked), torch.cat(confidence), torch.cat(losses), classes)


def evaluate(
    model: nn.Module, data: str | Path | Dataset, *, split: str = "val", batch_size: int = 256, workers: int = 0
) -> Scores:
    """Return the scores of a model from ``create_model`` or ``load`` on a data set.

    Pictures are prepared as the model's description says, or as the data set's where the model has none. Classes are
    matched by name where both sides have names.

    Args:
        model: the network; it is evaluated on the device that it is on.
        data: a data set, its name, or a folder of pictures.
        split: ``val`` or ``train``.
        batch_size: pictures at a time.
        workers: processes that decode files.
    """
    dataset = data if isinstance(data, Dataset) else open_data(data)
    if split not in ("train", "val"):
        raise InputError(f"split must be train or val, got {split!r}")
    preprocessing = describe(model).preprocessing or default_preprocessing(dataset)
    images = dataset.train if split == "train" else dataset.val
    height, width = preprocessing.size
    loader = EvaluationLoader(images, batch_size, (height, width), preprocessing.resize, workers)
    renumber = match_classes(describe(model).classes, dataset.classes, model)
    device = next(model.parameters()).device
    batches = ((pixels, renumber[labels]) for pixels, labels in loader)
    return score(model, batches, Normalise(preprocessing.mean, preprocessing.std, device))


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
