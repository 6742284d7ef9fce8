"""Training images to calibrate int8 and other training images to check it; never held-out images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from residuum_runtime.card import whole_batches

from ..data import Dataset
from ..data.pixels import Normalise, match_channels
from ..errors import InputError
from .prepare import Prepared
from .probes import labelled, reference_logits

CALIBRATED = 300  # training images to measure ranges on
CONTROLLED = 1000  # other training images to check accuracy on
LEAST = 32  # fewer give too poor an estimate of a layer's range


@dataclass
class Calibration:
    """Images of the network's size."""

    images: NDArray[np.uint8]  # [N, C, H, W], for the ranges
    control: NDArray[np.uint8]  # other images, to measure the loss by rounding
    labels: NDArray[np.int64]  # of the control images
    reference: float  # accuracy of the float32 model on the control images, percent

    def batches(self, prepared: Prepared) -> list[NDArray[np.generic]]:
        """Return single images, or batches of the fixed size, as the exported graph takes them."""
        return list(whole_batches(network_input(prepared, self.images).numpy(), prepared.card.batch or 1))


def make_calibration(prepared: Prepared, data: Dataset, count: int = CALIBRATED) -> Calibration:
    """Select ``count`` evenly spread training images to calibrate on, and others to check accuracy on.

    Raises:
        InputError: fewer than 64 training images, or images of one class only.
    """
    total = len(data.train)
    if total < 2 * LEAST:
        raise InputError(
            f"int8 needs at least {2 * LEAST} training images, half of them to calibrate on, got {total}; "
            "give more images, or choose bf16 or fp32"
        )
    count = min(count, total // 2)
    images, seen = labelled(data.train, prepared, data.classes, count)
    if len(np.unique(seen)) < 2:
        raise InputError(
            f"int8 must be calibrated on images of several classes, got {len(images)} of one "
            f"({data.classes[int(data.train.labels[0])]}); give images like the network's future inputs"
        )
    control, labels = labelled(data.train, prepared, data.classes, CONTROLLED, skip=count)
    right = reference_logits(prepared, "images", control).argmax(1) == labels
    return Calibration(images, control, labels, 100 * float(right.mean()))


def network_input(prepared: Prepared, pixels: NDArray[np.uint8]) -> Tensor:
    """Return images as the exported graph takes them: normalised, or unchanged where the graph normalises."""
    card = prepared.card
    matched = match_channels(torch.from_numpy(pixels), card.channels)
    return matched if card.pixels else Normalise(card.mean, card.std)(matched)
