"""Measure an exported file on a data set, with the same code as a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from residuum_runtime import Engine

from ..data import Dataset, EvaluationLoader, open_data
from ..errors import InputError
from ..evaluation import Scores, score
from ..evaluation.accuracy import match_classes


class Running(nn.Module):
    """An engine as a module: uint8 pictures [N, C, H, W] of its size -> logits."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits [N, classes]."""
        return torch.from_numpy(np.asarray(self.engine.logits(pixels.numpy()), dtype=np.float32))

    @property
    def num_classes(self) -> int:
        """How many logits come out."""
        if not self.engine.card.classes:
            card = self.engine.card
            blank = np.zeros((1, card.channels, *card.size), dtype=np.uint8)
            return self.engine.logits(blank).shape[1]
        return len(self.engine.card.classes)


def evaluate(
    engine: Engine, data: str | Path | Dataset, *, split: str = "val", batch_size: int = 64, workers: int = 0
) -> Scores:
    """Return the scores of an exported file on a data set; arguments as in ``residuum.evaluate``."""
    dataset = data if isinstance(data, Dataset) else open_data(data)
    if split not in ("train", "val"):
        raise InputError(f"split must be train or val, got {split!r}")
    images, card, running = dataset.train if split == "train" else dataset.val, engine.card, Running(engine)
    loader = EvaluationLoader(images, batch_size, card.size, card.resize, workers)
    renumber = match_classes(card.classes, dataset.classes, running)
    batches = ((pixels, renumber[labels]) for pixels, labels in loader)
    return score(running, batches, _as_they_are)  # type: ignore[arg-type]


def _as_they_are(pixels: Tensor) -> Tensor:
    """Leave normalising to the engine."""
    return pixels
