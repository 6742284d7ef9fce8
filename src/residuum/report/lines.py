"""Lines over anything, with their spread over repetitions: plain numbers in, a matplotlib Figure out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .figures import _end_labels
from .style import LIGHT, house_style, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Line:
    """One line and its repetitions.

    Args:
        name: as in its label.
        x: [points].
        values: [repetitions, points]; the line is their mean, the shade reaches from the lowest to the highest. None
            leaves a gap.
        look: a colour and a marker, of ``LOOKS``; plain and residual twins have theirs.
        dashed: for a thinner line beside a main one.
    """

    name: str
    x: Sequence[float]
    values: Sequence[Sequence[float | None]]
    look: str = "blue"
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines on one pair of axes.

    Args:
        title: of the panel.
        xlabel: name and unit of the horizontal axis.
        ylabel: name and unit of the vertical axis.
        lines: at least one.
        marks: places of dotted vertical lines, with their names.
        level: a dotted horizontal line (chance, the intact network) and its name.
        top: the end of the axis; by default that of the data.
        form: of the last value at a line's end.
        log: whether the vertical axis is logarithmic.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: Sequence[Line]
    marks: dict[float, str] = field(default_factory=dict)
    level: tuple[float, str] | None = None
    top: float | None = None
    form: str = "{:.1f}"
    log: bool = False


LOOKS = {"blue": "o", "vermilion": "s", "green": "^", "purple": "D", "ochre": "v", "muted": "x"}
TWIN_LOOKS = {"plain": "vermilion", "residual": "blue"}  # the same in every figure


def line_panel(panel: Panel, width: float = 5.6, height: float = 3.6) -> Figure:
    """Draw lines with their spread; names and last values stand at the lines' ends.

    Raises:
        InputError: no line, or values that do not fit their x.
    """
    if not panel.lines:
        raise InputError(f"{panel.title}: a panel needs a line, got none; leave the figure out")
    from matplotlib.ticker import MaxNLocator

    with house_style():
        figure, (ax,) = panels(1, width, height)
        for place, name in panel.marks.items():
            ax.axvline(place, color=LIGHT["muted"], lw=0.8, ls=(0, (1, 3)), zorder=0)
            ax.annotate(name, (place, 1.0), xycoords=("data", "axes fraction"), size=7.5, color=LIGHT["muted"],
                        xytext=(2, -7), textcoords="offset points")  # fmt: skip
        if panel.level is not None:
            ax.axhline(panel.level[0], color=LIGHT["muted"], lw=0.8, ls=(0, (1, 3)), zorder=0)
            ax.annotate(panel.level[1], (0.0, panel.level[0]), xycoords=("axes fraction", "data"), size=7.5,
                        color=LIGHT["muted"], xytext=(2, 3), textcoords="offset points")  # fmt: skip
        for line in panel.lines:
            _draw(ax, line)
        ax.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel)
        if panel.log:
            ax.set_yscale("log")
            ax.autoscale(axis="y")
        else:
            ax.set_ylim(min(0.0, ax.get_ylim()[0]), panel.top)
        if all(isinstance(x, int) for line in panel.lines for x in line.x):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y")
        _end_labels(ax, panel.form)
    return figure


def _draw(ax: Any, line: Line) -> None:
    import numpy as np

    values = np.array(line.values, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(line.x):
        raise InputError(
            f"{line.name}: values must be [repetitions, {len(line.x)}], as many as x, got {list(values.shape)}"
        )
    colour = LIGHT[line.look]
    means, lows, highs = values.mean(0), values.min(0), values.max(0)
    style: dict[str, Any] = {"ls": (0, (4, 2)), "lw": 1.3} if line.dashed else {"ls": "-", "lw": 2.0}
    ax.plot(line.x, means, label=line.name, color=colour, marker=LOOKS[line.look], ms=4, clip_on=False, **style)
    if len(values) > 1:
        ax.fill_between(line.x, lows, highs, color=colour, alpha=0.15, lw=0)
