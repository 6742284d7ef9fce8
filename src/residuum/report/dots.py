"""Conditions below one another, each with its seeds and the interval of its mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .intervals import mean_interval
from .style import LIGHT, house_style, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def dots(
    rows: Mapping[str, Sequence[float]],
    *,
    title: str,
    xlabel: str,
    looks: Mapping[str, str] | None = None,
    level: tuple[float, str] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
) -> Figure:
    """Draw a row for each condition: a small ring for each seed, a point at their mean, a bar over its 95 % interval.

    Args:
        rows: values by condition, [seeds] each; drawn from the top.
        title: of the figure.
        xlabel: name and unit of the values.
        looks: a colour of the palette by condition; blue where none is named.
        level: a dotted vertical line and its name: no effect, chance, the condition to compare with.
        limits: ends of the axis, where intervals are cut.

    Raises:
        InputError: no condition, or one without values.
    """
    if not rows or any(len(values) == 0 for values in rows.values()):
        raise InputError(f"{title}: each condition needs values, got {dict(rows)}; leave the figure out")
    with house_style():
        figure, (ax,) = panels(1, 5.6, 1.1 + 0.34 * len(rows))
        if level is not None:
            ax.axvline(level[0], color=LIGHT["muted"], lw=1, ls=(0, (2, 2)), zorder=0)
            ax.set_title(f"{title}   (dotted: {level[1]})")
        else:
            ax.set_title(title)
        for place, (name, values) in enumerate(rows.items()):
            colour = LIGHT[(looks or {}).get(name, "blue")]
            interval = mean_interval(values)
            if len(values) > 1:
                ax.hlines(place, interval.low, interval.high, color=colour, alpha=0.3, lw=6)
            ax.plot(values, [place] * len(values), "o", color=colour, mfc="none", ms=4.5, mew=1.1)
            ax.plot(interval.mean, place, "D", color=colour, ms=5.5)
        ax.set_yticks(range(len(rows)), [f"{name}  {mean_interval(v).mean:.3g}" for name, v in rows.items()])
        ax.tick_params(axis="y", labelcolor=LIGHT["ink"])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        _limit(ax, rows, limits)
        ax.set_xlabel(f"{xlabel}   (ring: a seed, diamond: mean, bar: 95 % interval)", loc="right")
        ax.grid(axis="x")
    return figure


def _limit(ax: object, rows: Mapping[str, Sequence[float]], limits: tuple[float | None, float | None]) -> None:
    """End the axis at the given limits, or near the values, however wide an interval of few seeds is."""
    values = [float(value) for row in rows.values() for value in row]
    margin = 0.6 * (max(values) - min(values)) or 1.0
    low, high = ax.get_xlim()  # type: ignore[attr-defined]
    ends = max(low, min(values) - margin), min(high, max(values) + margin)
    ax.set_xlim(*(end if end is not None else own for end, own in zip(limits, ends, strict=True)))  # type: ignore[attr-defined]
