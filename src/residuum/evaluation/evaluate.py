"""Accuracy of one model, or of several averaged, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ..data import Dataset, open_data
from ..errors import InputError
from .predictions import combine, predictions_of
from .scores import Scores
from .splits import default_split


def evaluate(
    model: nn.Module | Sequence[nn.Module],
    data: str | Path | Dataset,
    *,
    split: str | None = None,
    batch_size: int = 256,
    workers: int = 0,
    views: str = "centre",
    scales: Sequence[int] = (),
    precision: str = "fp32",
    match: str = "name",
    max_pixels: int | None = None,
) -> Scores:
    """Return the scores of a model from ``create_model`` or ``load`` on a data set.

    Images are prepared as the model's description says, or as the data set's where the model has none. Classes are
    matched by name where both sides have names; in the scores they are numbered as the data set has them.

    Args:
        model: the network, evaluated on the device that it is on; of several the probabilities are averaged.
        data: a data set, its name, or a folder of images.
        split: ``train``, ``val``, ``test`` or ``all``. By default the validation images; of a folder without train/
            and val/ all images, unless the model was trained on that folder.
        batch_size: images at a time.
        workers: processes that decode files.
        views: ``centre``, ``flip``, ``ten-crop`` or ``multi-scale``: the views of each image.
        scales: shorter sides for ``multi-scale``, pixels; He15's by default.
        precision: ``fp32``, or ``bf16``, which is faster and may classify a few images in a thousand differently.
        match: ``name``, or ``order`` where the data set has the model's classes in the same order under other names.
        max_pixels: the most pixels of an image; skips larger images and lists them [default:
            ``residuum_runtime.reading.MAX_PIXELS``].

    Raises:
        InputError: ``max_pixels`` with a data set that is already open.

    >>> evaluate(load("runs/PHOTOS-1"), "HELDOUT").top1  # doctest: +SKIP
    91.5
    """
    if isinstance(data, Dataset) and max_pixels is not None:
        raise InputError(
            f"max_pixels needs the name of a folder, got {max_pixels} with an open data set; "
            f"give open_data(FOLDER, max_pixels={max_pixels})"
        )
    dataset = data if isinstance(data, Dataset) else open_data(data, to_train=False, max_pixels=max_pixels)
    models = [model] if isinstance(model, nn.Module) else list(model)
    members = [
        predictions_of(
            one,
            dataset,
            split=split or default_split(dataset, one),
            views=views,
            scales=scales,
            batch_size=batch_size,
            workers=workers,
            precision=precision,
            match=match,
        )
        for one in models
    ]
    return combine(members).scores
