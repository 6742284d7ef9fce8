"""What training lowers: logits and targets to a mean over the batch."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError, pick

PRESENT = 0.2  # a class with a larger share of a mixed image counts as present (timm's bce_target_thresh for A3)

Criterion = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(label_smoothing: float) -> Criterion:
    """Return softmax cross-entropy; targets are labels [B], or shares [B, classes] where images are mixed."""
    return nn.CrossEntropyLoss(label_smoothing=label_smoothing)


def binary(label_smoothing: float) -> Criterion:
    """Return binary cross-entropy: a yes or no for each class, averaged over classes (arXiv:2110.00476, section 2.2).

    Every class of a mixed image is a yes. Raises InputError for label smoothing, which has no meaning here.
    """
    if label_smoothing:
        raise InputError(f"loss binary goes without label_smoothing, got {label_smoothing}; leave one of them out")
    return binary_cross_entropy


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over images and classes for labels [B] or shares [B, classes]."""
    shares = targets if targets.ndim == 2 else F.one_hot(targets, logits.shape[1])
    return F.binary_cross_entropy_with_logits(logits.float(), (shares > PRESENT).float())


LOSSES: dict[str, Callable[[float], Criterion]] = {"cross_entropy": cross_entropy, "binary": binary}


def build_loss(name: str, label_smoothing: float = 0.0) -> Criterion:
    """Return the loss of that name."""
    return pick(LOSSES, name, "loss", listed=False)(label_smoothing)
