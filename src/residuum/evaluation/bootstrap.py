"""Intervals without a formula: a figure again and again over images drawn from the set with replacement."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import InputError
from ..seeds import generator
from .scores import Scores

RESAMPLES = 2000
LEVEL = 95.0  # percent
Interval = tuple[float, float]


def column_means(rows: Tensor) -> Tensor:
    """Return the mean of each column: the statistic that is resampled unless another is named."""
    return rows.mean(0)


def bootstrap(
    values: Tensor,
    statistic: Callable[[Tensor], Tensor] = column_means,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> list[Interval]:
    """Return percentile intervals of a statistic (Efron and Tibshirani 1993, section 13.3).

    They tell what another set of images of the same kind might have given, not what another training might. The
    mean of values that are all alike gets an interval without width; Wilson's interval (``residuum_runtime/intervals``)
    knows better what 100 % of few images is worth.

    Args:
        values: a row an image, a column a figure: float [N, K].
        statistic: figures [F] of float64 rows [N, K]; by default the means of the columns.
        seed: of the stream ``resample``; the same rows are drawn for all figures.
        resamples: how many sets of N rows are drawn.
        level: percent of the sets whose figure lies in the interval.

    >>> bootstrap(torch.tensor([[1.0], [1.0]]))
    [(1.0, 1.0)]
    """
    count = len(values)
    if count < 1 or resamples < 2 or not 0 < level < 100:
        raise InputError(
            "a bootstrap needs at least 1 image, 2 resamples and a level between 0 and 100, "
            f"got {count}, {resamples} and {level:g}"
        )
    draw, rows = generator(seed, "resample"), values.double()
    drawn = [statistic(rows[torch.randint(0, count, (count,), generator=draw)]) for _ in range(resamples)]
    tail = (100 - level) / 200
    low, high = torch.stack(drawn).quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64), dim=0).tolist()
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
