"""Accuracy of one model, or of several averaged, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..data import Dataset, open_data
from ..errors import InputError
from .opening import Model, as_networks
from .predictions import combine, predictions_of
from .scores import Scores
from .splits import default_split


def evaluate(
    model: Model | Iterable[Model],
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
    """Return the scores of a model, or of several averaged, on a data set.

    Images are prepared as the model's description says, or as the data set's where the model has none. Classes are
    matched by name where both sides have names; in the scores they are numbered as the data set has them.

    Args:
        model: a network, evaluated on the device that it is on; or its weights file, its run's or its export's
            folder, or published weights (``torchvision:resnet50``). Of several the probabilities are averaged.
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
        InputError: no such model, data or split, classes that do not match, or a limit beside a data set that is open
            already.

    >>> scores = residuum.evaluate(residuum.create_model("cifar_resnet", depth=8, in_chans=1), "digits")
    >>> 0 <= scores.top1 <= 100
    True
    """
    if isinstance(data, Dataset) and max_pixels is not None:
        raise InputError(
            f"max_pixels needs the name of a folder, got {max_pixels} with an open data set; "
            f"give open_data(FOLDER, max_pixels={max_pixels})"
        )
    dataset = data if isinstance(data, Dataset) else open_data(data, to_train=False, max_pixels=max_pixels)
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
        for one in as_networks(model)
    ]
    return combine(members).scores
