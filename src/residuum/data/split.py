"""Training images held out for model selection, so that the test images are evaluated once."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import InputError
from ..seeds import generator
from .dataset import Dataset
from .part import chosen


def split_off(dataset: Dataset, share: float) -> Dataset:
    """Hold out a share of each class's training images for validation; the former validation set becomes the test set.

    Every run and every seed holds out the same images: results of several seeds or settings differ by training alone,
    and fine-tuned weights never saw the images that select them.

    Raises:
        InputError: a share that is not between 0 and 1, or leaves a side without an image of some class; or a data set
            that has its own validation and test images.

    >>> dataset = split_off(residuum.open_data("digits"), 0.1)
    >>> len(dataset.train), len(dataset.val), len(dataset.test)
    (1294, 144, 359)
    """
    if not 0 < share < 1:
        raise InputError(f"val_split, a share of the training images, must be 0 to 1, got {share}")
    if dataset.test is not None:
        raise InputError(f"{dataset.name} has its own validation and test images; leave --val-split out")
    held = _draw_held_out(dataset.train.labels, share)
    if held.sum() == 0 or len(set(dataset.train.labels[~held].tolist())) < len(set(dataset.train.labels.tolist())):
        raise InputError(
            f"a val_split of {share} leaves validation or a class's training without an image "
            f"({len(dataset.train)} images of {len(dataset.classes)} classes); choose another, or 0 for none"
        )
    return replace(
        dataset,
        train=chosen(dataset.train, (~held).nonzero().flatten()),
        val=chosen(dataset.train, held.nonzero().flatten()),
        val_is=f"{100 * share:g} % of the training images",
        test=dataset.val,
        test_is=dataset.val_is,
        val_is_test=False,
    )


def _draw_held_out(labels: Tensor, share: float) -> Tensor:
    """Return bool [N]: of each class the nearest whole number to its share, drawn from the stream ``split``."""
    shuffled = torch.randperm(len(labels), generator=generator(0, "split"))
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        own = shuffled[labels[shuffled] == label]
        held[own[: round(share * len(own))]] = True
    return held
