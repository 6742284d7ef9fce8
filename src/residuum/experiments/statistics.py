"""Effects over a few seeds with their intervals, and the verdicts that follow from these intervals alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..evaluation import bootstrap as resampling
from ..report.intervals import Interval, mean_interval, paired_difference, spread
from ..report.study_page import NO_LARGER, OPPOSITE, SHOWN, TOO_WEAK, Finding

__all__ = [
    "WORTH_OF_DEPTH",
    "Interval",
    "Matters",
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
    statistic: Callable[[np.ndarray], float] = lambda drawn: float(drawn.mean()),
    draws: int = resampling.RESAMPLES,
) -> Interval:
    """Return a statistic with its 95 % interval by ``evaluation.bootstrap``, on the random stream ``resample``.

    Args:
        values: independent ones [n] or rows [n, k] (images, blocks, pairs); fewer than two leave it unbounded.
        statistic: of values like these.
        draws: number of resamplings.

    >>> bootstrap([3.0, 3.0])
    Interval(mean=3.0, low=3.0, high=3.0)
    """
    values = np.asarray(values, dtype=float)
    found = float(statistic(values))
    if len(values) < 2:
        return Interval(found, -np.inf, np.inf)

    def figure(rows: Tensor) -> Tensor:
        return torch.tensor([statistic(rows.numpy())], dtype=torch.float64)

    ((low, high),) = resampling.bootstrap(torch.from_numpy(values), figure, resamples=draws)
    return Interval(found, low, high)


def sign_test(differences: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p of at least as many equal signs if both are equally likely; ignore zeros."""
    from scipy import stats

    differences = np.asarray(differences, dtype=float)
    positive, negative = int((differences > 0).sum()), int((differences < 0).sum())
    return float(stats.binomtest(positive, positive + negative).pvalue) if positive + negative else 1.0


class Matters(NamedTuple):
    """The smallest effect that would matter to a claim.

    Args:
        size: in the unit of the finding, above 0.
        source: the published figure behind it, or the reason for the choice.
    """

    size: float
    source: str


WORTH_OF_DEPTH = Matters(1.78, "He15 table 6: what ResNet-56 gains on ResNet-20 in test error (8.75 to 6.97 %)")


def judged(
    claim: str,
    published: str,
    effect: Interval,
    side: str,
    matters: Matters,
    *,
    bound: float = 0.0,
    unit: str = "points",
    pairs: Sequence[float] | np.ndarray = (),
) -> Finding:
    """Judge the claim that an effect lies above or below a bound.

    Args:
        claim: in a sentence.
        published: the published result, with its source.
        effect: the measured effect.
        side: "above" or "below": where the claim puts the effect.
        matters: the smallest distance from the bound that would matter. It separates "no effect larger than X" (the
            interval excludes it on both sides) from "too weak to say".
        bound: usually no effect.
        unit: the effect's unit.
        pairs: the individual differences, for the sign test.
    """
    above, below = effect.above(bound), effect.below(bound)
    largest = max(abs(effect.low - bound), abs(effect.high - bound))
    if above or below:
        verdict = SHOWN if above == (side == "above") else OPPOSITE
    else:
        verdict = NO_LARGER if largest <= matters.size else TOO_WEAK
    notes = [f"{effect.text()} {unit}"]
    if not math.isfinite(effect.low):
        notes.append("one run has no interval")
    if (above or below) and largest < matters.size:
        notes.append("less than would matter")
    if len(pairs) > 1:
        signs = np.sign(np.asarray(pairs, dtype=float) - bound)
        agree = int((signs == (1 if side == "above" else -1)).sum())
        notes.append(f"{agree} of {len(pairs)} on the claimed side (sign test p = {sign_test(signs):.2g})")
    half = (effect.high - effect.low) / 2
    return Finding(
        claim,
        published,
        "; ".join(notes),
        verdict,
        limit=f"{largest:.2g} {unit}" if verdict == NO_LARGER else "",
        matters=f"{matters.size:g} {unit}: {matters.source}",
        least=matters.size,
        half=half if math.isfinite(half) else None,
    )


def judged_pairs(
    claim: str, published: str, pairs: Sequence[float] | np.ndarray, side: str, matters: Matters, **words: Any
) -> Finding:
    """Judge the claim that a figure lies above or below a bound, from its value or difference for each seed: [seeds].

    The effect is their mean with Student's interval; ``words`` are bound and unit of ``judged``.
    """
    found = judged(claim, published, mean_interval(pairs), side, matters, pairs=pairs, **words)
    return replace(found, seeds=len(pairs))
