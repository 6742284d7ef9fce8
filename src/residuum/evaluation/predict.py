"""Classes of single images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from residuum_runtime import Prediction, Unread
from residuum_runtime.given import listed
from residuum_runtime.levels import Pixels
from residuum_runtime.predictions import all_answers, answer_names, each_answer

from ..data.pixels import Normalise
from ..data.streaming import fitting
from ..models import describe
from ..models.description import preprocessing_of
from ..nn.modes import evaluation_mode
from .accuracy import as_classes
from .opening import Model, as_network


def predict(model: Model, images: Any, *, top: int = 5, max_pixels: int | None = None) -> list[Prediction]:
    """Return the likeliest classes of each image.

    Args:
        model: from ``load`` or a run, or what names it: a weights file, a run's or an export's folder, published
            weights (``torchvision:resnet50``). Its description says how to prepare images and what the classes are
            called. It is left in the mode it was in. One logit is a yes or no: the sigmoid, of two answers.
        images: one or a sequence of: paths (a folder means the images below it), bytes, file objects, PIL images,
            numpy arrays [H, W, C] or [C, H, W], tensors [C, H, W] or [N, C, H, W]; uint8, or floats 0..1.
        top: how many classes.
        max_pixels: the largest image, pixels [default: ``residuum_runtime.reading.MAX_PIXELS``].

    Raises:
        ImageError: the first image that cannot be read; ``predict_each`` passes it by.
        InputError: a model without preprocessing or without a classifier, or something that is no image.

    >>> image = residuum.open_data("digits").val.pixels[0]
    >>> [prediction] = residuum.predict("runs/mine", image, top=3)
    >>> len(prediction.classes), prediction.top in "0123456789"
    (3, True)
    """
    return all_answers(predict_each(model, images, top=top, max_pixels=max_pixels))


def predict_each(
    model: Model, images: Any, *, top: int = 5, max_pixels: int | None = None
) -> Iterator[Prediction | Unread]:
    """Yield the likeliest classes of each image as it is read, or why it cannot be read; see ``predict``.

    >>> answers = list(predict_each("runs/mine", ["PHOTOS/cat/0.png", "gone.png"]))
    >>> [type(answer).__name__ for answer in answers]
    ['Prediction', 'Unread']
    """
    model = as_network(model)
    preprocessing, classes = preprocessing_of(model), describe(model).classes
    height, width = preprocessing.size
    fit = fitting((height, width), preprocessing.resize, preprocessing.interpolation)
    normalise = Normalise(preprocessing.mean, preprocessing.std, next(model.parameters()).device)

    def ask(pixels: Pixels) -> tuple[list[float], list[str]]:
        with evaluation_mode(model), torch.no_grad():
            logits = model(normalise(fit(torch.from_numpy(pixels)).unsqueeze(0))).float()
        return as_classes(logits).softmax(1)[0].tolist(), answer_names(logits.shape[1], classes)

    return each_answer(listed(images, len(preprocessing.mean), max_pixels), ask, top)
