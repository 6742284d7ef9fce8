"""What a handful of seeds can tell: effects with their intervals, and the verdicts that follow from these alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..report.intervals import Interval, mean_interval, paired_difference, spread
from ..report.study import NOT_SHOWN, OPPOSITE, SHOWN, Finding

__all__ = [
    "Interval",
    "bootstrap",
    "judged",
    "judged_pairs",
    "mean_interval",
    "paired_difference",
    "sign_test",
    "spread",
]


def bootstrap(
    values: Sequence[float] | np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray] = lambda drawn: drawn.mean(axis=1),
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return a statistic with its 95 % percentile interval over resamplings (Efron 1979).

    Args:
        values: independent ones [n] (pictures, blocks, pairs); fewer than two leave the interval unbounded.
        statistic: of each row of [draws, n].
        draws: resamplings.
        seed: of the drawing, so that the same values give the same interval.
    """
    values = np.asarray(values, dtype=float)
    found = float(statistic(values[None])[0])
    if len(values) < 2:
        return Interval(found, -np.inf, np.inf)
    rows = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(statistic(values[rows]), [0.025, 0.975])
    return Interval(found, float(low), float(high))


def sign_test(differences: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p of as many signs alike or more, were both equally likely; zeros are left out."""
    from scipy import stats

    differences = np.asarray(differences, dtype=float)
    positive, negative = int((differences > 0).sum()), int((differences < 0).sum())
    return float(stats.binomtest(positive, positive + negative).pvalue) if positive + negative else 1.0


def judged(
    claim: str,
    published: str,
    effect: Interval,
    side: str,
    *,
    bound: float = 0.0,
    unit: str = "points",
    pairs: Sequence[float] | np.ndarray = (),
    digits: int = 2,
) -> Finding:
    """Judge the claim that an effect lies above or below a bound.

    Args:
        claim: in a sentence.
        published: what the literature has, with its source.
        effect: what was measured here.
        side: "above" or "below": where the claim puts the effect.
        bound: usually no effect.
        unit: of the effect.
        pairs: the single differences, for the sign test.
        digits: significant ones of the interval's width.
    """
    above, below = effect.above(bound), effect.below(bound)
    verdict = NOT_SHOWN if not (above or below) else SHOWN if above == (side == "above") else OPPOSITE
    alone = "" if math.isfinite(effect.low) else "; one run tells no interval"
    ours = f"{effect.text(digits)} {unit}{alone}"
    if len(pairs) > 1:
        signs = np.sign(np.asarray(pairs, dtype=float) - bound)
        agree = int((signs == (1 if side == "above" else -1)).sum())
        ours += f"; {agree} of {len(pairs)} on the claimed side (sign test p = {sign_test(signs):.2g})"
    return Finding(claim, published, ours, verdict)


def judged_pairs(claim: str, published: str, pairs: Sequence[float] | np.ndarray, side: str, **words: Any) -> Finding:
    """Judge the claim that a figure lies above or below a bound, from its value or difference of each seed: [seeds].

    The effect is their mean with Student's interval; ``words`` are bound, unit and digits of ``judged``.
    """
    return judged(claim, published, mean_interval(pairs), side, pairs=pairs, **words)
