"""The figure of a learning-rate range test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .style import LIGHT, house_style, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def lr_curve(
    rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float], marks: Mapping[str, float]
) -> Figure:
    """Draw the loss over the rate, on a logarithmic axis, with marked rates.

    Args:
        rates: of each step.
        losses: of each step, drawn faintly.
        smooth: their running mean.
        marks: name and value of each marked rate.
    """
    with house_style():
        figure, (ax,) = panels(1, 6.4, 3.6)
        ax.set_xscale("log")
        ax.plot(rates, losses, color=LIGHT["blue"], alpha=0.3, linewidth=1)
        ax.plot(rates, smooth, color=LIGHT["blue"], linewidth=2)
        top, bottom = max(losses[0], max(smooth[: len(smooth) // 2])), min(smooth)
        ax.set_ylim(bottom - 0.35 * (top - bottom), top + 0.25 * (top - bottom))
        ax.xaxis.set_major_formatter(lambda rate, place: f"{rate:g}")
        ax.minorticks_off()
        ax.set_title("Loss while the learning rate rises")
        ax.set_xlabel("learning rate")
        ax.grid(axis="y")
        for rank, ((name, rate), colour) in enumerate(zip(marks.items(), ("vermilion", "green"), strict=False)):
            ax.axvline(rate, color=LIGHT[colour], linewidth=1.2, linestyle=(0, (4, 3)))
            place = {"color": LIGHT[colour], "transform": ax.get_xaxis_transform()}
            ax.text(rate, 0.03 + 0.07 * rank, f" {name}: {rate:.2g}", **place)
    return figure
