"""Calibration: of the images for which a model's confidence is 80 %, are 80 % right?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ..errors import InputError
from ..seeds import generator
from .predictions import Predictions

BINS = 15  # equally wide, as in Guo et al. 2017 (arXiv:1706.04599), section 2
COLDEST, HOTTEST = 1e-3, 1e3  # range of the search for a temperature


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in equally wide bins of confidence."""

    pictures: list[int]  # in each bin
    confidence: list[float]  # mean of the bin, in [0, 1]; NaN where it is empty
    accuracy: list[float]  # share right, in [0, 1]; NaN where it is empty

    @property
    def bins(self) -> int:
        """The number of bins; bin i reaches from i / bins (excluded, but in the first) to (i + 1) / bins."""
        return len(self.pictures)

    @property
    def ece(self) -> float:
        """Expected calibration error in percent: sum of n_b / N * |accuracy_b - confidence_b| (Guo 2017, eq. 3).

        Chance alone keeps it above 0: labels of five classes drawn from the predicted probabilities give about 2.4 % on
        2,000 images in 15 bins, and 1.1 % on 10,000.
        """
        rows = zip(self.pictures, self.confidence, self.accuracy, strict=True)
        return 100 * sum(n * abs(a - c) for n, c, a in rows if n) / sum(self.pictures)


@dataclass(frozen=True)
class Calibration:
    """Reliability before and after the temperature; both on the same images, to none of which it was fitted."""

    temperature: float
    fitted_on: int  # images
    before: Reliability
    after: Reliability
    loss_before: float  # mean cross-entropy, nats
    loss_after: float


def reliability(predictions: Predictions, bins: int = BINS) -> Reliability:
    """Return the images, mean confidence and accuracy of each bin of the likeliest class's confidence.

    Raises:
        InputError: fewer than one bin.
    """
    if bins < 1:
        raise InputError(f"bins must be at least 1, got {bins}; {BINS} is usual")
    best = predictions.log_probabilities.max(1)
    sure, right = best.values.exp(), (best.indices == predictions.labels).double()
    where = (sure * bins).ceil().long().clamp(1, bins) - 1
    sums = torch.zeros(3, bins, dtype=torch.float64)
    sums.index_add_(1, where, torch.stack([torch.ones_like(sure), sure, right]))
    pictures, confidence, accuracy = sums
    return Reliability(pictures.long().tolist(), (confidence / pictures).tolist(), (accuracy / pictures).tolist())


def fit_temperature(predictions: Predictions) -> float:
    """Return the temperature T whose softmax(logits / T) has the least cross-entropy (Guo 2017, section 4.2).

    Log-probabilities are logits up to a constant, so this holds for averaged predictions too. The cross-entropy is
    convex in 1 / T: the zero of its slope is found by halving. Where no finite T is best (every image right, or none),
    the function returns an end of the search, 0.001 or 1000.
    """
    cold, hot = 1 / HOTTEST, 1 / COLDEST  # ends of 1 / T
    for _ in range(60):
        inverse = (cold * hot) ** 0.5
        if _slope(predictions, inverse) > 0:
            hot = inverse
        else:
            cold = inverse
    return 1 / (cold * hot) ** 0.5


def _slope(predictions: Predictions, inverse: float) -> float:
    """Return the derivative of the summed cross-entropy by 1 / T: expected logit minus the right one's."""
    logits = predictions.log_probabilities.clamp_min(-1e4)  # a probability of 0 is -inf
    expected = ((inverse * logits).softmax(1) * logits).sum(1)
    return float((expected - logits.gather(1, predictions.labels[:, None])[:, 0]).sum())


def at_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions with their logits divided by the temperature; the ranking stays."""
    return replace(predictions, log_probabilities=(predictions.log_probabilities / temperature).log_softmax(1))


def calibrate(predictions: Predictions, *, seed: int = 0, bins: int = BINS) -> Calibration:
    """Fit a temperature on one half of the images, drawn by the seed, and measure on the other half.

    Raises:
        InputError: fewer than two images.
    """
    count = len(predictions)
    if count < 2:
        raise InputError(f"fitting a temperature and measuring it need at least 2 images, got {count}")
    order = torch.randperm(count, generator=generator(seed, "halves"))
    fitted, measured = predictions.part(order[: count // 2]), predictions.part(order[count // 2 :])
    temperature = fit_temperature(fitted)
    cooled = at_temperature(measured, temperature)
    return Calibration(
        temperature=temperature,
        fitted_on=len(fitted),
        before=reliability(measured, bins),
        after=reliability(cooled, bins),
        loss_before=measured.scores.loss,
        loss_after=cooled.scores.loss,
    )
