"""The confidence interval of a share."""

from __future__ import annotations

import math


def wilson_interval(successes: float, total: float) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share, both ends in [0, 1] (Wilson 1927, JASA 22).

    Unlike the share plus or minus two standard errors it keeps its meaning near 0 and 1 and for few trials. With no
    trials nothing is known: (0, 1).

    >>> wilson_interval(0, 0)
    (0.0, 1.0)
    """
    if total == 0:
        return 0.0, 1.0
    z = 1.959964
    share = successes / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
