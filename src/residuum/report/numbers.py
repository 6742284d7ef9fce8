"""Numbers as a reader wants them."""

from __future__ import annotations

import math


def percent(value: float, digits: int = 1) -> str:
    """Return ``97.5 %`` for 97.5; what is not finite becomes a dash."""
    return f"{value:.{digits}f} %" if math.isfinite(value) else "–"
