"""Wrap an exported file as a model for evaluation and prediction."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from residuum_runtime import Engine

from ..errors import InputError
from ..models import Description, Preprocessing, attach


class Running(nn.Module):
    """An engine as a module on the CPU: normalised images [N, C, H, W] -> logits [N, classes].

    Where the file normalises, the description's mean and deviation leave pixels unchanged.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        card = engine.card
        self.nothing = nn.Parameter(torch.zeros(0), requires_grad=False)  # marks the device of this module
        blank = np.zeros((1, card.channels, *card.size), dtype=np.uint8)
        self.num_classes = engine.logits(blank).shape[1]
        mean, std = ((0.0,) * card.channels, (1 / 255,) * card.channels) if card.pixels else (card.mean, card.std)
        preprocessing = Preprocessing(card.size, mean, std, card.resize, card.interpolation)
        attach(self, Description(card.model, {}, list(card.classes), preprocessing))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        if self.nothing.device.type != "cpu":
            raise InputError(f"an exported file runs on the processor, got device {self.nothing.device}; use cpu")
        if self.engine.card.pixels:
            return torch.from_numpy(self.engine.logits(images.round().to(torch.uint8).numpy()))
        return torch.from_numpy(self.engine.run(images.contiguous().numpy()))


def as_model(engine: Engine) -> nn.Module:
    """Return the engine as a model that ``residuum.evaluate`` and ``residuum.predict`` take; it cannot train.

    >>> model = as_model(Engine("exported"))  # doctest: +SKIP
    >>> residuum.evaluate(model, "digits").top1  # doctest: +SKIP
    91.3
    """
    return Running(engine).eval()
