"""Confidence against accuracy: the figure and the section of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from residuum_runtime.intervals import wilson_interval

from ..errors import InputError
from . import page
from .style import LIGHT, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = (("vermilion", "s"), ("blue", "o"))


@dataclass(frozen=True)
class ReliabilityCurve:
    """A model's confidence in equally wide bins.

    Args:
        name: as in the figure, "as trained".
        pictures: in each bin.
        confidence: mean of each bin, in [0, 1]; ignored where the bin is empty.
        accuracy: share right of each bin, in [0, 1]; ignored where the bin is empty.
        ece: expected calibration error, percent.
    """

    name: str
    pictures: Sequence[int]
    confidence: Sequence[float]
    accuracy: Sequence[float]
    ece: float


def reliability_diagram(curves: Sequence[ReliabilityCurve]) -> Figure:
    """Draw accuracy over confidence, a point per bin with its 95 % Wilson interval; below, the images of each bin.

    On the dotted line confidence equals accuracy; below it the model is overconfident.

    Args:
        curves: one, or two (before and after a temperature).

    Raises:
        InputError: none, more than two, or bins that do not match.
    """
    from matplotlib.figure import Figure

    _check(curves)
    with house_style():
        figure = Figure(figsize=(4.9, 5.0), layout="constrained")
        main, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1.1))
        main.plot([0, 1], [0, 1], color=LIGHT["muted"], lw=1, ls=(0, (2, 2)), zorder=0)
        for rank, curve in enumerate(curves):
            _points(main, curve, _LOOKS[rank])
            _bars(below, curve, LIGHT[_LOOKS[rank][0]], rank, len(curves))
        main.set_ylabel("share right")
        main.set_ylim(-0.01, 1.01)
        main.set_xlim(-0.01, 1.01)
        main.grid()
        main.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=1, frameon=False, fontsize=8.5)
        main.text(0.97, 0.05, "overconfident", transform=main.transAxes, ha="right", color=LIGHT["muted"], size=8.5)
        below.set_ylabel("share of\nimages")
        below.set_xlabel("confidence")
        below.grid(axis="y")
    return figure


def calibration_section(curves: Sequence[ReliabilityCurve], said: str) -> page.Markup:
    """Return the section of a page: the diagram, its result in a sentence, and its numbers."""
    rows = [
        (
            f"{low:.2f} to {low + 1 / len(curve.pictures):.2f}",
            curve.name,
            n,
            f"{100 * confidence:.1f} %" if n else "–",
            f"{100 * accuracy:.1f} %" if n else "–",
        )
        for curve in curves
        for low, n, confidence, accuracy in zip(
            (i / len(curve.pictures) for i in range(len(curve.pictures))),
            curve.pictures,
            curve.confidence,
            curve.accuracy,
            strict=True,
        )
    ]
    errors = ", ".join(f"{curve.name} {curve.ece:.2f} %" for curve in curves)
    return page.section(
        "Calibration",
        page.paragraph(said),
        page.figure(
            reliability_diagram(curves),
            f"Share right over confidence in {len(curves[0].pictures)} bins; expected calibration error: {errors}.",
            "A point is a bin of images of similar confidence, its bar the 95 % Wilson interval. On the dotted line "
            "confidence equals accuracy; below it the model is overconfident.",
        ),
        page.folded(
            "The same as a table",
            page.table(["Confidence", "Which", "Images", "Mean confidence", "Right"], rows, "All bins."),
        ),
    )


def _points(ax: Axes, curve: ReliabilityCurve, look: tuple[str, str]) -> None:
    colour, marker = LIGHT[look[0]], look[1]
    bins = [row for row in zip(curve.pictures, curve.confidence, curve.accuracy, strict=True) if row[0]]
    intervals = [wilson_interval(accuracy * n, n) for n, _, accuracy in bins]
    sure = [confidence for _, confidence, _ in bins]
    lows, highs = [low for low, _ in intervals], [high for _, high in intervals]
    ax.vlines(sure, lows, highs, color=colour, alpha=0.35, lw=4)
    drawn: dict[str, Any] = {"color": colour, "marker": marker, "ms": 4.5, "lw": 1.2, "clip_on": False}
    ax.plot(sure, [accuracy for _, _, accuracy in bins], label=f"{curve.name}: ECE {curve.ece:.2f} %", **drawn)


def _bars(ax: Axes, curve: ReliabilityCurve, colour: str, rank: int, of: int) -> None:
    bins, total = len(curve.pictures), sum(curve.pictures)
    width = 0.84 / bins / of
    left = [(i + 0.08) / bins + rank * width for i in range(bins)]
    ax.bar(left, [n / total for n in curve.pictures], width, align="edge", color=colour)


def _check(curves: Sequence[ReliabilityCurve]) -> None:
    if not 1 <= len(curves) <= len(_LOOKS):
        raise InputError(f"a reliability diagram holds one or two curves, got {len(curves)}; draw another")
    for curve in curves:
        lengths = {len(curve.pictures), len(curve.confidence), len(curve.accuracy), len(curves[0].pictures)}
        if len(lengths) > 1 or not sum(curve.pictures):
            raise InputError(
                f"{curve.name}: a curve needs images, and as many confidences and accuracies as bins, got "
                f"{len(curve.pictures)}, {len(curve.confidence)} and {len(curve.accuracy)}; count them by one rule"
            )
