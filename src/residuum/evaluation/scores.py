"""The scores of a classifier, from one list of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """Predictions for a whole set, in the set's order; every figure is derived from these.

    >>> scores = residuum.evaluate("runs/mine", "digits")
    >>> len(scores), scores.confusion.shape, scores.top5 >= scores.top1
    (359, torch.Size([10, 10]), True)
    """

    labels: Tensor  # int64 [N]
    ranked: Tensor  # int64 [N, min(5, classes)]: the likeliest classes, likeliest first
    confidence: Tensor  # float32 [N]: probability of the likeliest class
    losses: Tensor  # float32 [N]: cross-entropy
    num_classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def top1(self) -> float:
        """Percent of images whose likeliest class is right."""
        return self.top(1)

    @property
    def top5(self) -> float:
        """Percent of images whose class is among the five likeliest."""
        return self.top(5)

    def top(self, k: int) -> float:
        """Percent of images whose class is among the k likeliest, k up to 5."""
        hits = (self.ranked[:, :k] == self.labels[:, None]).any(1).sum().item()
        return 100 * hits / len(self)

    @property
    def loss(self) -> float:
        """Mean cross-entropy, nats."""
        return self.losses.double().mean().item()

    @cached_property
    def confusion(self) -> Tensor:
        """Counts [classes, classes]: rows are the truth, columns the prediction."""
        cells = self.labels * self.num_classes + self.ranked[:, 0]
        return torch.bincount(cells, minlength=self.num_classes**2).view(self.num_classes, self.num_classes)

    @property
    def per_class(self) -> Tensor:
        """Percent right of each class: float64 [classes], NaN where the set has none."""
        return 100 * self.confusion.diagonal().double() / self.confusion.sum(1)

    def worst(self, count: int) -> list[int]:
        """Return the indices of the most confident wrong predictions."""
        wrong = (self.ranked[:, 0] != self.labels).nonzero().flatten()
        return wrong[self.confidence[wrong].argsort(descending=True, stable=True)][:count].tolist()


def tally(logits: Tensor, labels: Tensor) -> Scores:
    """Return the scores of logits (or log-probabilities) [N, classes] for labels [N]; ranks are those of the logits."""
    likeliest = logits.topk(min(5, logits.shape[1])).indices
    confidence = logits.softmax(1).gather(1, likeliest[:, :1]).flatten()
    losses = F.cross_entropy(logits, labels, reduction="none")
    return Scores(labels, likeliest, confidence.float(), losses.float(), logits.shape[1])


def joined(parts: Sequence[Scores]) -> Scores:
    """Return the scores of several parts of a set as one."""
    columns = zip(*((part.labels, part.ranked, part.confidence, part.losses) for part in parts), strict=True)
    return Scores(*map(torch.cat, columns), num_classes=parts[0].num_classes)
