"""Intervals without a formula: the mean again and again over images drawn from the set with replacement."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from ..seeds import generator
from .scores import Scores

RESAMPLES = 2000
LEVEL = 95.0  # percent
Interval = tuple[float, float]


def bootstrap(values: Tensor, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL) -> list[Interval]:
    """Return percentile intervals of the means of columns (Efron and Tibshirani 1993, section 13.3).

    They cover the draw of images, not of training runs. The mean of equal values gets an interval without width; use
    ``report.numbers.wilson_interval`` for 100 % of few images.

    Args:
        values: a row per image, a column per figure: float [N, K].
        seed: of the stream ``resample``; the same rows are drawn for all columns.
        resamples: the number of sets of N rows to draw.
        level: percent of the sets whose mean lies in the interval.
    """
    count = len(values)
    if count < 1 or resamples < 2 or not 0 < level < 100:
        raise InputError(
            "a bootstrap needs at least 1 image, 2 resamples and a level between 0 and 100, "
            f"got {count}, {resamples} and {level:g}"
        )
    draw, rows = generator(seed, "resample"), values.double()
    means = torch.stack([rows[torch.randint(0, count, (count,), generator=draw)].mean(0) for _ in range(resamples)])
    tail = (100 - level) / 200
    low, high = means.quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0).tolist()
    return list(zip(low, high, strict=True))


def score_intervals(scores: Scores, *, seed: int = 0) -> dict[str, Interval]:
    """Return 95 % intervals of ``top1``, ``top5`` (percent) and ``loss`` (nats)."""
    hits = 100.0 * (scores.ranked == scores.labels[:, None])
    values = torch.stack([hits[:, 0], hits.sum(1), scores.losses], 1)
    return dict(zip(("top1", "top5", "loss"), bootstrap(values, seed=seed), strict=True))


def gain_interval(better: Scores, other: Scores, *, seed: int = 0) -> Interval:
    """Return the 95 % interval of the difference in accuracy, points, paired by image.

    Much of what makes an image hard is common to both, so this is narrower than two intervals side by side.
    """
    right = [100.0 * (scores.ranked[:, 0] == scores.labels) for scores in (better, other)]
    return bootstrap((right[0] - right[1])[:, None], seed=seed)[0]
