"""Figures of the laws: plain numbers in, a matplotlib Figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..report.style import LIGHT, house_style, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .laws.signal import SignalCurves

LOOKS = {
    ("plain", "none"): ("ochre", "o"),
    ("plain", "batch"): ("vermilion", "s"),
    ("residual", "none"): ("green", "^"),
    ("residual", "batch"): ("blue", "D"),
}
COLOURS = ("vermilion", "ochre", "blue", "green", "purple")
MARKERS = ("o", "s", "D", "^", "v")


def signal_figure(curves: Sequence[SignalCurves]) -> Figure:
    """Draw law 7: the size of gradients and their correlation at nearby inputs, over depth.

    Points are the mean over seeds, shades reach from the lowest to the highest, dashes are the prediction.
    """
    import numpy as np

    with house_style():
        figure, (size, likeness) = panels(2, 4.9, 3.6)
        for each in curves:
            colour, marker = LOOKS[each.kind, each.norm]
            look = {"color": LIGHT[colour]}
            blocks = np.arange(each.factors.shape[1] + 1)
            grown = np.concatenate([np.zeros((len(each.factors), 1)), each.factors.flip(1).log10().cumsum(1)], axis=1)
            expected = np.concatenate([[0], each.predicted_factors.flip(0).log10().cumsum(0)])
            _curve(size, blocks, 10**grown, 10**expected, label=each.name, marker=marker, markevery=8, **look)
            _curve(likeness, each.depths, each.correlations.numpy(), each.predicted_correlations, marker=marker, **look)
        _log_axis(size)
        size.set_title("Size of the gradient")
        size.set_xlabel("blocks passed backward")
        size.legend(frameon=False, loc="upper left")
        likeness.set_xscale("log", base=2)
        likeness.set_xticks(curves[0].depths, [str(depth) for depth in curves[0].depths])
        likeness.axhline(0, color=LIGHT["muted"], lw=0.8)
        likeness.set_title("Correlation of gradients at nearby inputs")
        likeness.set_xlabel("blocks (dashed: prediction)")
        for ax in (size, likeness):
            ax.grid(axis="y")
    return figure


def _whole_numbers(ax: Axes) -> None:
    """Set ticks at whole numbers of blocks."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def _log_axis(ax: Axes) -> None:
    """Set a logarithmic scale with plain numbers."""
    ax.set_yscale("log")
    ax.minorticks_off()


def _curve(ax: Axes, x, seeds, expected, *, color: str, label: str = "", **look) -> None:
    ax.plot(x, seeds.mean(0), color=color, label=label, lw=1.6, ms=5, **look)
    ax.fill_between(x, seeds.min(0), seeds.max(0), color=color, alpha=0.15, lw=0)
    ax.plot(x, expected, color=color, lw=1, ls=(0, (4, 2)))


def scaling_figure(curve: Mapping[tuple[float, int], float]) -> Figure:
    """Draw law 5: the rest of the direct term, by lambda (He16 eq. 8); values by (lambda, blocks)."""
    with house_style():
        figure, (ax,) = panels(1, 5.2, 3.6)
        for number, scale in enumerate(sorted({scale for scale, _ in curve})):
            points = sorted((blocks, value) for (s, blocks), value in curve.items() if s == scale)
            blocks, values = zip(*points, strict=True)
            look = {"color": LIGHT[COLOURS[number % 5]], "marker": MARKERS[number % 5], "ms": 4}
            ax.plot(blocks, values, label=f"λ = {scale:g}", markevery=max(1, len(blocks) // 6), **look)
        _log_axis(ax)
        ax.set_title("Gradient through the shortcuts alone")
        ax.set_xlabel("blocks")
        _whole_numbers(ax)
        ax.legend(frameon=False, ncols=2)
        ax.grid(axis="y")
    return figure


def shares_figure(shares: Mapping[str, Sequence[float]]) -> Figure:
    """Draw law 6: the share of the gradient through paths of each length; a list by network."""
    with house_style():
        figure, (ax,) = panels(1, 5.2, 3.6)
        for number, (name, values) in enumerate(shares.items()):
            look = {"color": LIGHT[COLOURS[number % 5]], "marker": MARKERS[number % 5], "ms": 4}
            ax.plot(
                range(len(values)),
                [100 * value for value in values],
                label=name,
                ls="-" if number < 5 else "--",
                **look,
            )
        ax.set_title("Share of the gradient by path length, %")
        ax.set_xlabel("branches passed, of the last blocks")
        ax.set_ylim(bottom=0)
        ax.legend(frameon=False, fontsize=7.5)
        ax.grid(axis="y")
    return figure
