"""A stem that is computed from the training pictures before the first step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..data import ArrayImages, Dataset
from ..data.pixels import Normalise, resize_batch
from ..nn.whitening import whiten

PICTURES = 5000  # the first ones; their patches, a thousand each, are more than enough for a few hundred numbers


def whiten_first_layer(
    model: nn.Module, dataset: Dataset, size: tuple[int, int], mean: Sequence[float], std: Sequence[float]
) -> None:
    """Set the stem's filters to the whitening of the training pictures' patches, in place; nothing is drawn.

    Raises:
        InputError: a model without such a stem (see ``nn.whitening.whiten``).
    """
    assert isinstance(dataset.train, ArrayImages), "the plan refuses files"
    pixels = resize_batch(dataset.train.pixels[:PICTURES], size)
    whiten(model, Normalise(tuple(mean), tuple(std))(pixels))
