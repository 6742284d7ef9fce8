"""The content of a trained network's layers: filters, neighbours, and linear probes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError

RIDGE = 1e-3  # of the features' mean variance: enough to make the equations solvable, too little to shrink large ones


def first_filters(model: nn.Module) -> Tensor:
    """Return the filters of a network's first convolution: [filters, in_channels, height, width].

    Raises:
        InputError: a network without convolutions.
    """
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None:
        raise InputError(f"a network must have a convolution to show its filters, and {type(model).__name__} has none")
    return first.weight.detach().clone()


def linear_probe(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> Tensor:
    """Return which test images a linear classifier on these features classifies correctly: bool [N].

    The classifier is ridge regression onto one-hot labels in closed form (Alain 2016, arXiv:1610.01644, takes logistic
    regression): it has no iterations to tune, so depths are compared on equal terms.

    Args:
        train: [M, p], features of the images that the classifier learns from.
        train_labels: int64 [M].
        test: [N, p], of other images.
        test_labels: int64 [N].

    Raises:
        InputError: features and labels of different lengths, or of one class only.
    """
    if len(train) != len(train_labels) or len(test) != len(test_labels):
        raise InputError(
            f"a probe needs a label for each image, got {len(train)} and {len(test)} features with "
            f"{len(train_labels)} and {len(test_labels)} labels"
        )
    if len(train_labels.unique()) < 2:
        raise InputError("a probe needs images of two classes or more to learn from; take a larger sample")
    mean, targets = train.double().mean(0), F.one_hot(train_labels, int(train_labels.max()) + 1).double()
    centred = train.double() - mean
    scatter = centred.T @ centred
    scatter.diagonal().add_(RIDGE * scatter.diagonal().mean() + torch.finfo(torch.float64).tiny)
    weights = torch.linalg.solve(scatter, centred.T @ (targets - targets.mean(0)))
    guesses = ((test.double() - mean) @ weights + targets.mean(0)).argmax(1)
    return guesses == test_labels


def probes_by_depth(
    train: Mapping[str, Tensor], train_labels: Tensor, test: Mapping[str, Tensor], test_labels: Tensor
) -> dict[str, Tensor]:
    """Return which test images a linear probe classifies correctly at each depth: bool [N] by name."""
    return {name: linear_probe(train[name], train_labels, test[name], test_labels) for name in train}


def neighbours(features: Tensor, queries: Tensor, count: int) -> Tensor:
    """Return the nearest images of each query by cosine similarity, nearest first: int64 [queries, count].

    Args:
        features: [N, p].
        queries: int64 [Q], indices among the N images; an image is not its own neighbour.
        count: neighbours of each query.
    """
    if not 1 <= count < len(features):
        raise InputError(f"neighbours must number 1 to {len(features) - 1} among {len(features)} images, got {count}")
    unit = F.normalize(features.double() - features.double().mean(0), dim=1)
    alike = unit[queries] @ unit.T
    alike[torch.arange(len(queries)), queries] = -torch.inf
    return alike.topk(count, dim=1).indices


def neighbours_of_own_class(features: Tensor, labels: Tensor, count: int = 5) -> Tensor:
    """Return the share of each image's nearest images that are of its class: float64 [N]."""
    nearest = neighbours(features, torch.arange(len(features)), count)
    return (labels[nearest] == labels[:, None]).double().mean(1)
