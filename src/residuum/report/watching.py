"""The course of a training besides its loss: rate, gradient, weights, speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from . import page
from .style import LIGHT, house_style, panels

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_POINTS = 300  # of a line; more are gathered into blocks


@dataclass(frozen=True)
class Watched:
    """The logs of a training run.

    Args:
        steps: a dict per step with ``step``, ``lr`` and ``grad_norm``; none where no log was kept.
        epochs: a dict per epoch with ``epoch`` and, where it was measured, ``weight_norm``.
        timing: a dict per epoch with ``epoch`` and ``images_per_second``; 0 where an epoch was not timed: the run was
            interrupted after its last step, and only validation was left.
    """

    steps: Sequence[Mapping[str, float]] = ()
    epochs: Sequence[Mapping[str, float]] = ()
    timing: Sequence[Mapping[str, float]] = ()


# Title, rows, horizontal column, vertical column, caption.
_PANELS = (
    ("Learning rate", "steps", "step", "lr", "The rate of each step."),
    ("Norm of the gradient", "steps", "step", "grad_norm",
     "Of the whole gradient, before any clipping: the median of neighbouring steps, the shade from the least to the "
     "largest."),
    ("Norm of the weights", "epochs", "epoch", "weight_norm", "Of all parameters together, at the end of each epoch."),
    ("Images per second", "timing", "epoch", "images_per_second", "Including the time of validation."),
)  # fmt: skip


def watched_figures(watched: Watched) -> dict[str, Figure]:
    """Return a small figure for each of rate, gradient, weights and speed that has rows, by its title."""
    drawn = {}
    for title, rows, across, column, _ in _PANELS:
        found = [row for row in getattr(watched, rows) if column in row and _measured(column, row[column])]
        if found:
            drawn[title] = _figure(title, across, [row[across] for row in found], [row[column] for row in found])
    return drawn


def watched_section(watched: Watched) -> page.Markup:
    """Return the section of a page with those figures.

    Raises:
        InputError: nothing was watched.
    """
    drawn = watched_figures(watched)
    if not drawn:
        raise InputError("a section on how the training went needs rows of steps or epochs, got none; leave it out")
    captions = {title: caption for title, *_, caption in _PANELS}
    return page.section(
        "Rate, gradient, weights, speed",
        page.figures(
            *(page.figure(figure, f"{title} over the training.", captions[title]) for title, figure in drawn.items())
        ),
    )


def _measured(column: str, value: float) -> bool:
    """Report whether a value was measured: no epoch has zero images per second, while other columns may be 0."""
    return column != "images_per_second" or value > 0


def _figure(title: str, across: str, x: Sequence[float], y: Sequence[float]) -> Figure:
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    places, values = np.array(x, dtype=float), np.array(y, dtype=float)
    values = np.where(np.isfinite(values), values, np.nan)
    with house_style():
        figure, (ax,) = panels(1, 4.7, 2.3)
        colour = LIGHT["blue"]
        if len(places) > _MOST_POINTS:
            places, low, values, high = _blocks(places, values)
            ax.fill_between(places, low, high, color=colour, alpha=0.2, lw=0)
        ax.plot(places, values, color=colour, lw=1.6, marker="o" if len(places) == 1 else None, clip_on=False)
        ax.set_title(title)
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))  # steps and epochs are whole numbers
        ax.set_xlabel(across)
        ax.grid(axis="y")
        _scale(ax, values)
    return figure


def _blocks(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gather neighbours: the middle of each block, and least, median and largest of its values."""
    import numpy as np

    size = -(-len(x) // _MOST_POINTS)
    parts = [slice(first, first + size) for first in range(0, len(x), size)]
    middle = np.array([x[part].mean() for part in parts])
    kept = [y[part][np.isfinite(y[part])] for part in parts]
    summary = [(b.min(), np.median(b), b.max()) if len(b) else (np.nan,) * 3 for b in kept]
    low, median, high = np.array(summary).T
    return middle, low, median, high


def _scale(ax: Axes, values: np.ndarray) -> None:
    import numpy as np

    found = values[np.isfinite(values)]
    if len(found) and found.min() > 0 and found.max() > 100 * np.median(found):
        ax.set_yscale("log")
    elif len(found):
        ax.set_ylim(0, 1.08 * max(float(ax.dataLim.y1), float(found.max())) or 1.0)
