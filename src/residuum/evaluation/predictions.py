"""Predictions of models for a whole set: probabilities of every class for every image, in the set's order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as Indexed

from ..data import ArrayImages, Dataset, FileImages
from ..data.fetching import fetch
from ..data.pixels import Normalise
from ..errors import InputError
from ..machine.precision import autocast
from ..models import describe
from ..nn import Network
from ..nn.modes import evaluation_mode
from .accuracy import as_classes, default_preprocessing
from .dense import dense_logits, window_of
from .matching import match_classes
from .precision import made_for
from .scores import Scores, tally
from .splits import images_of
from .views import Frame, View, make_frame, pick_view

Seen = tuple[list[Tensor], int]  # the views of an image and its label


@dataclass(frozen=True)
class Predictions:
    """Log-probabilities of a set's images; any number of models and views may stand behind them.

    >>> predictions = predictions_of(residuum.load("runs/mine"), residuum.open_data("digits"))
    >>> len(predictions), predictions.log_probabilities.shape
    (359, torch.Size([359, 10]))
    """

    labels: Tensor  # int64 [N], the data set's numbering
    log_probabilities: Tensor  # float64 [N, classes], natural
    classes: list[str]  # the data set's, then others that the model knows

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def scores(self) -> Scores:
        """Accuracy, loss and confusions."""
        return tally(self.log_probabilities, self.labels)

    def part(self, chosen: Tensor) -> Predictions:
        """Return the predictions of the images of those indices."""
        return Predictions(self.labels[chosen], self.log_probabilities[chosen], self.classes)


class ViewedPictures(Indexed[Seen]):
    """Each image cut into its views."""

    def __init__(self, images: ArrayImages | FileImages, view: View, frame: Frame) -> None:
        self.images, self.view, self.frame = images, view, frame

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Seen:
        images = self.images
        held = isinstance(images, ArrayImages)
        picture = images.pixels[index] if held else images.picture(index)
        return self.view.cut(picture, self.frame), int(images.labels[index])


def predictions_of(
    model: nn.Module,
    dataset: Dataset,
    *,
    split: str = "val",
    views: str = "centre",
    scales: Sequence[int] = (),
    batch_size: int = 256,
    workers: int = 0,
    precision: str = "fp32",
    match: str = "name",
) -> Predictions:
    """Return a model's predictions for each image; averages the softmax outputs of an image's views.

    He15 averages "the scores" of its views; that these are softmax outputs is from Krizhevsky 2012, section 4.1 (ten
    crops) and Simonyan and Zisserman 2014, section 3.2 (mirror images).

    Args:
        model: from ``create_model`` or ``load``; used on the device that it is on, in evaluation mode.
        dataset: the images.
        split: ``train``, ``val``, ``test`` or ``all``.
        views: a name of ``VIEWS``.
        scales: shorter sides for ``multi-scale``, pixels.
        batch_size: images that the network sees at a time.
        workers: processes that decode files.
        precision: ``fp32``, or ``bf16`` with norms folded (``precision.py``).
        match: ``name``, or ``order`` for classes that are called otherwise (``matching.py``).

    >>> predictions_of(residuum.load("runs/mine"), residuum.open_data("digits"), split="val").classes[0]
    '0'
    """
    view, described = pick_view(views), describe(model)
    preprocessing = described.preprocessing or default_preprocessing(dataset)
    size = (preprocessing.size[0], preprocessing.size[1])
    frame = make_frame(size, preprocessing.resize, scales, preprocessing.interpolation)
    renumber = match_classes(described.classes, dataset.classes, model, match)
    device = next(model.parameters()).device
    normalise = Normalise(preprocessing.mean, preprocessing.std, device)
    pictures = ViewedPictures(images_of(dataset, split), view, frame)
    if not len(pictures):
        raise InputError("there is no image to evaluate on")
    asked = made_for(precision, model)
    labels, found = [], []
    with evaluation_mode(asked):
        window = window_of(asked, size) if view.dense else None
        ask = partial(dense_logits, cast(Network, asked), window=window) if window else asked
        for seen in _batches(pictures, batch_size, workers):
            labels += [label for _, label in seen]
            with autocast(precision, device.type):
                found.append(_average(ask, normalise, [cut for cut, _ in seen], batch_size, view.weights))
    return _in_data_order(torch.tensor(labels), torch.cat(found), renumber, dataset.classes, described.classes)


def combine(members: Sequence[Predictions]) -> Predictions:
    """Return the ensemble's predictions: the members' probabilities averaged, classes matched by name.

    The 2015 entry combined six models (He15 section 4.1, table 5) without saying how; averaging softmax outputs is
    what Simonyan and Zisserman 2014, section 4.4, do.

    Raises:
        InputError: members of other images, or that do not know the same classes.

    >>> dataset = residuum.open_data("digits")
    >>> members = [predictions_of(residuum.load("runs/mine"), dataset, views=views) for views in ("centre", "flip")]
    >>> len(combine(members))
    359
    """
    first = members[0]
    aligned = []
    for number, member in enumerate(members, 1):
        if not member.labels.equal(first.labels):
            raise InputError("an ensemble's members must have seen the same images in the same order; use one data set")
        if odd := sorted(set(member.classes) ^ set(first.classes)):
            raise InputError(
                f"an ensemble's models must know the same classes, but the first has {len(first.classes)} and number "
                f"{number} has {len(member.classes)}; only one of them knows {', '.join(odd[:5])}"
            )
        columns = [member.classes.index(name) for name in first.classes]
        aligned.append(member.log_probabilities[:, columns])
    return Predictions(first.labels, _mean(torch.stack(aligned), 0), first.classes)


def _batches(pictures: ViewedPictures, batch_size: int, workers: int) -> Iterator[list[Seen]]:
    workers = workers if isinstance(pictures.images, FileImages) else 0
    return fetch(pictures, workers, batch_size=batch_size)


@torch.no_grad()
def _average(
    ask: nn.Module | partial[Tensor],
    normalise: Normalise,
    cuts: list[list[Tensor]],
    at_once: int,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """Return log-probabilities [images, classes]: the mean over the views, which may differ in size."""
    by_shape: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for picture, views in enumerate(cuts):
        for number, view in enumerate(views):
            by_shape.setdefault(tuple(view.shape), []).append((picture, number))
    logs = torch.empty(0)
    for places in by_shape.values():
        for first in range(0, len(places), at_once):
            some = places[first : first + at_once]
            logits = as_classes(ask(normalise(torch.stack([cuts[picture][number] for picture, number in some]))))
            if not len(logs):
                logs = torch.empty(len(cuts), len(cuts[0]), logits.shape[1], dtype=torch.float64)
            rows, columns = zip(*some, strict=True)
            logs[list(rows), list(columns)] = logits.float().cpu().double().log_softmax(1)
    if weights is not None:
        return (logs + torch.tensor(weights, dtype=logs.dtype).log()[:, None]).logsumexp(1)
    return _mean(logs, 1)


def _mean(logs: Tensor, dimension: int) -> Tensor:
    """Return the logarithm of the mean of probabilities."""
    return logs.logsumexp(dimension) - math.log(logs.shape[dimension])


def _in_data_order(
    labels: Tensor, logs: Tensor, renumber: Tensor, of_data: Sequence[str], of_model: Sequence[str]
) -> Predictions:
    """Return predictions whose columns are the data set's classes in its order, then the model's others."""
    known = renumber.tolist()
    rest = sorted(set(range(logs.shape[1])) - set(known))
    names = [of_model[number] if of_model else f"class {number}" for number in rest]
    return Predictions(labels, logs[:, [*known, *rest]], [*of_data, *names])
