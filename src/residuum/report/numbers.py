"""Intervals and formats of numbers for readers."""

from __future__ import annotations

import math


def percent(value: float, digits: int = 1) -> str:
    """Return ``97.5 %`` for 97.5; a dash where it is not finite."""
    return f"{value:.{digits}f} %" if math.isfinite(value) else "–"
