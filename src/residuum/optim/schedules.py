"""Learning-rate schedules: functions of the step alone, so that a resumed run needs no state of them.

Each returns the factor of the peak rate for ``step`` in 0 .. total - 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..errors import InputError, pick

Schedule = Callable[[int], float]
Shape = Callable[[int, int], float]


def cosine(step: int, total: int) -> float:
    """Half a cosine from 1 to 0 (arXiv:1608.03983)."""
    return 0.5 * (1 + math.cos(math.pi * step / total))


def staircase(step: int, total: int, milestones: Sequence[float] = (0.5, 0.75), gamma: float = 0.1) -> float:
    """Multiply by ``gamma`` at each milestone, a share of the whole.

    As given: divide by 10 at one half and three quarters, 32k and 48k of 64k iterations (He15 section 4.2).
    """
    return gamma ** sum(step >= milestone * total for milestone in milestones)


def one_cycle(step: int, total: int) -> float:
    """Up from 1/25 over the first 30 %, then down to nearly 0, both half cosines (arXiv:1708.07120)."""
    top, last = 0.3 * total - 1, total - 1
    if step < top:
        return _half_cosine(1 / 25, 1.0, step / top)
    return _half_cosine(1.0, 1 / 25e4, (step - top) / (last - top)) if last > top else 1.0


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def linear(step: int, total: int) -> float:
    """A straight fall from 1 to 0."""
    return 1 - step / total


def constant(step: int, total: int) -> float:
    """The peak rate throughout."""
    return 1.0


SCHEDULES: dict[str, Shape] = {
    "cosine": cosine,
    "step": staircase,
    "onecycle": one_cycle,
    "linear": linear,
    "constant": constant,
}


def build_schedule(name: str, total: int, warmup: int = 0, flat: float | None = None) -> Schedule:
    """Return the factor by step: a warm-up of ``warmup`` steps, then the schedule over the rest.

    The warm-up rises straight to the peak, or stays at the factor ``flat`` (He15 section 4.2: a tenth of the rate for
    the first 400 iterations of 110 layers).
    """
    return warmed(pick_shape(name), total, warmup, flat)


def pick_shape(name: str) -> Shape:
    """Return the schedule's shape of that name."""
    return pick(SCHEDULES, name, "schedule", listed=False)


def warmed(shape: Shape, total: int, warmup: int = 0, flat: float | None = None) -> Schedule:
    """Return the schedule of that shape after a warm-up."""
    if not 0 <= warmup < max(total, 1):
        raise InputError(f"warm-up must be shorter than the whole run of {total} steps, got {warmup}")

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1) if flat is None else flat
        return shape(step - warmup, total - warmup)

    return factor
