"""Means over a handful of seeds, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def above(self, value: float) -> bool:
        """Return whether the whole interval lies above the value."""
        return self.low > value

    def below(self, value: float) -> bool:
        """Return whether the whole interval lies below the value."""
        return self.high < value

    def __neg__(self) -> Interval:
        return Interval(-self.mean, -self.high, -self.low)

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})"

    def text(self, digits: int = 2) -> str:
        """Return mean and interval, to ``digits`` significant digits of its width; the mean alone without one."""
        width = self.high - self.low
        if not math.isfinite(width) or width == 0:
            return f"{self.mean:.{digits + 1}g}"
        decimals = max(0, digits - 1 - math.floor(math.log10(width)))
        mean, low, high = (f"{round(value, decimals) + 0.0:.{decimals}f}" for value in self)  # + 0.0: no "-0"
        return f"{mean} ({low} to {high})"


def mean_interval(values: Sequence[float] | np.ndarray) -> Interval:
    """Return the mean with its 95 % interval by Student's t; one value leaves it unbounded."""
    from scipy import stats

    values = np.asarray(values, dtype=float)
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Interval(mean, -np.inf, np.inf)
    half = float(stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return Interval(mean, mean - half, mean + half)


def paired_difference(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> Interval:
    """Return the mean of a - b over pairs with its 95 % interval by Student's t; one pair leaves it unbounded."""
    return mean_interval(np.asarray(a, dtype=float) - np.asarray(b, dtype=float))


def spread(values: Sequence[float] | np.ndarray, digits: int = 1) -> str:
    """Return mean and standard deviation as text; one value has no deviation."""
    values = np.asarray(values, dtype=float)
    deviation = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{deviation}"
