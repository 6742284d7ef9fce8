"""Accuracy of one model, or of several averaged, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ..data import Dataset, open_data
from .predictions import combine, predictions_of
from .scores import Scores


def evaluate(
    model: nn.Module | Sequence[nn.Module],
    data: str | Path | Dataset,
    *,
    split: str = "val",
    batch_size: int = 256,
    workers: int = 0,
    views: str = "centre",
    scales: Sequence[int] = (),
    precision: str = "fp32",
) -> Scores:
    """Return the scores of a model from ``create_model`` or ``load`` on a data set.

    Pictures are prepared as the model's description says, or as the data set's where the model has none. Classes are
    matched by name where both sides have names; in the scores they are numbered as the data set has them.

    Args:
        model: the network, evaluated on the device that it is on; of several the probabilities are averaged.
        data: a data set, its name, or a folder of pictures.
        split: ``val`` or ``train``.
        batch_size: pictures at a time.
        workers: processes that decode files.
        views: ``centre``, ``flip``, ``ten-crop`` or ``multi-scale``: what the network sees of each picture.
        scales: shorter sides for ``multi-scale``, pixels; those of He15 where none are given.
        precision: ``fp32``, or ``bf16``, which is faster and may tell some pictures in a thousand otherwise.
    """
    dataset = data if isinstance(data, Dataset) else open_data(data)
    models = [model] if isinstance(model, nn.Module) else list(model)
    members = [
        predictions_of(
            one,
            dataset,
            split=split,
            views=views,
            scales=scales,
            batch_size=batch_size,
            workers=workers,
            precision=precision,
        )
        for one in models
    ]
    return combine(members).scores
