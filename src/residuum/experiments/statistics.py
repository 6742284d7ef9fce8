"""What a handful of seeds can tell."""

from __future__ import annotations

from ..report.intervals import Interval, mean_interval, paired_difference

__all__ = ["Interval", "mean_interval", "paired_difference"]
