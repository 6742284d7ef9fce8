"""Surfaces and matrices: plain numbers in, a matplotlib Figure or a plotly dict out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .style import LIGHT, ON_COLOUR, house_style, panels

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

COLOURS = "cividis"  # the same to readers of any colour vision


def contour(
    axis: Sequence[float],
    heights: Sequence[Sequence[float]],
    *,
    title: str,
    label: str,
    top: float,
    way: Sequence[tuple[float, float]] = (),
    names: tuple[str, str] = ("first direction", "second direction"),
    other_axis: Sequence[float] | None = None,
) -> Figure:
    """Draw a surface from above, with contour lines; heights beyond ``top`` are cut.

    Args:
        axis: coordinates of the columns, and of the rows where ``other_axis`` is left out.
        heights: [rows, columns].
        title: of the figure.
        label: name and unit of the heights.
        top: the largest height of the colour scale.
        way: a trajectory's points (x, y), drawn as a line from its first to its last.
        names: of the two directions.
        other_axis: coordinates of the rows.

    Raises:
        InputError: heights that do not fit their axes.
    """
    from matplotlib.ticker import MaxNLocator

    rows = axis if other_axis is None else other_axis
    values = _check_heights(axis, rows, heights, top)
    with house_style():
        figure, (ax,) = panels(1, 4.6, 3.9)
        levels = _levels(values, top)
        filled = ax.contourf(axis, rows, values, levels=levels, cmap=COLOURS, extend="max")
        ax.contour(axis, rows, values, levels=levels[::2], colors=ON_COLOUR, linewidths=0.4, alpha=0.7)
        if way:
            across, up = zip(*way, strict=True)
            ax.plot(across, up, color=ON_COLOUR, lw=2.6)
            ax.plot(across, up, color=LIGHT["vermilion"], lw=1.4, marker="o", ms=2.5)
        ends = way[-1] if way else (0.0, 0.0)
        ax.plot(*ends, marker="+", ms=10, mew=1.8, color=LIGHT["vermilion"])
        ax.set(title=title, xlabel=names[0], ylabel=names[1])
        ax.locator_params(nbins=5)
        bar = figure.colorbar(filled, ax=ax, label=label, shrink=0.9, ticks=MaxNLocator(6))
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    return figure


def surface(axis: Sequence[float], heights: Sequence[Sequence[float]], *, title: str, label: str, top: float) -> Figure:
    """Draw a surface in three dimensions; heights beyond ``top`` are cut to it."""
    import numpy as np
    from matplotlib.figure import Figure as MatplotlibFigure

    values = _check_heights(axis, axis, heights, top)
    with house_style():
        figure = MatplotlibFigure(figsize=(4.9, 4.2))
        ax: Any = figure.add_subplot(projection="3d")
        across, up = np.meshgrid(axis, axis)
        ax.plot_surface(across, up, values, cmap=COLOURS, rstride=1, cstride=1, lw=0, antialiased=True)
        ax.set(title=title, xlabel="first direction", ylabel="second direction", zlabel=label)
        ax.set_zlim(0, top)
        ax.locator_params(nbins=4)
        ax.view_init(elev=32, azim=-58)
    return figure


def turning_surface(
    axis: Sequence[float], heights: Sequence[Sequence[float]], *, title: str, label: str, top: float
) -> dict[str, Any]:
    """Return the same surface as a plotly figure that a reader can rotate."""
    values = _check_heights(axis, axis, heights, top)
    places = [round(float(place), 4) for place in axis]
    rows = [[round(float(value), 4) for value in row] for row in values]
    return {
        "data": [
            {"type": "surface", "x": places, "y": places, "z": rows, "colorscale": "Cividis", "showscale": False,
             "hovertemplate": f"%{{x}}, %{{y}}: {label} %{{z:.3g}}<extra></extra>"}
        ],
        "layout": {
            "title": {"text": title},
            "height": 460,
            "margin": {"l": 0, "r": 0, "t": 36, "b": 0},
            "scene": {
                "aspectmode": "manual",
                "aspectratio": {"x": 1, "y": 1, "z": 0.7},
                "camera": {"eye": {"x": 1.2, "y": -1.5, "z": 0.9}},
                "xaxis": {"title": {"text": "first direction"}},
                "yaxis": {"title": {"text": "second direction"}},
                "zaxis": {"title": {"text": label}, "range": [0, top]},
            },
        },
    }  # fmt: skip


def matrix(values: Sequence[Sequence[float]], names: Sequence[str], *, title: str, label: str) -> Figure:
    """Draw numbers of 0..1 for each pair of names as a square of colours.

    Raises:
        InputError: not one value for each pair.
    """
    found = _check_heights(names, names, values, 1.0)
    with house_style():
        figure, (ax,) = panels(1, 4.6, 3.9)
        shown = ax.imshow(found, cmap=COLOURS, vmin=0, vmax=1)
        step = max(1, len(names) // 10)
        ax.set_xticks(range(0, len(names), step), names[::step], rotation=60, ha="right")
        ax.set_yticks(range(0, len(names), step), names[::step])
        ax.set_title(title)
        bar = figure.colorbar(shown, ax=ax, label=label, shrink=0.9)
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    return figure


def _check_heights(
    columns: Sequence[Any], rows: Sequence[Any], values: Sequence[Sequence[float]], top: float
) -> np.ndarray:
    import numpy as np

    found = np.array([[top if value is None else value for value in row] for row in values], dtype=float)
    if found.shape != (len(rows), len(columns)):
        raise InputError(f"heights must be [{len(rows)}, {len(columns)}], one a point, got {list(found.shape)}")
    return np.minimum(np.nan_to_num(found, nan=top, posinf=top), top)


def _levels(values: np.ndarray, top: float) -> Any:
    import numpy as np

    low = float(values.min())
    return np.linspace(low, max(top, low + 1e-6), 21)
