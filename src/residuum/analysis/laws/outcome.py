"""The outcome of a law: both sides, and their difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

EXACT = 1e-10  # rounding error of an identity in float64, relative to the largest term


@dataclass(frozen=True)
class Outcome:
    """One law on one network.

    Args:
        left: the left side in words with its size.
        right: the right side.
        difference: the largest difference of two numbers that should be equal, relative to the largest term.
        limit: the largest difference allowed.
        why: where the law does not apply, the reason; empty where it does.
        values: numbers for figures.
    """

    left: str = ""
    right: str = ""
    difference: float = math.nan
    limit: float = EXACT
    why: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def applies(self) -> bool:
        """Return whether the law applies to the network."""
        return not self.why

    @property
    def holds(self) -> bool:
        """Return whether the law applies and both sides agree."""
        return self.applies and self.difference <= self.limit


def does_not_apply(why: str) -> Outcome:
    """Return the outcome for a network that the law does not cover."""
    return Outcome(why=why)


@dataclass
class Comparison:
    """Pairs of tensors that should be equal; the pair that is furthest apart is kept."""

    worst: float = -1.0
    sizes: tuple[float, float] = (math.nan, math.nan)

    def add(self, left: Tensor, right: Tensor, terms: Sequence[Tensor] = ()) -> None:
        """Compare two tensors relative to the largest number in them and in the terms that they are made of."""
        largest = max(float(term.abs().max()) for term in (left, right, *terms))
        apart = float((left - right).abs().max())
        relative = apart / largest if largest > 0 else apart
        if math.isnan(relative) or math.isnan(largest):
            relative = math.inf  # and stays the worst
        if relative > self.worst:
            self.worst, self.sizes = relative, (float(left.norm()), float(right.norm()))

    def outcome(self, left: str, right: str, *, limit: float = EXACT, **values: Any) -> Outcome:
        """Return the outcome, the sizes written behind the two sides' names."""
        return Outcome(
            f"‖{left}‖ = {self.sizes[0]:.6g}", f"‖{right}‖ = {self.sizes[1]:.6g}", self.worst, limit, values=values
        )
