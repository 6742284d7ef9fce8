"""The figure of an inference benchmark: speed against accuracy, or speed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .placing import Box, place_labels
from .style import LIGHT, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {"fp32": ("blue", "o"), "bf16": ("green", "^"), "int8": ("vermilion", "s")}  # colour, marker
CLEAR = 7.0  # distance of labels from the middle of points, in points of 1/72 inch
LEAST_SPAN = 1.0  # of the accuracies' axis, percent, so that differences of single images stay small


def speed_figure(rows: Sequence[dict[str, Any]], batches: Sequence[int], title: str) -> Figure:
    """Draw every row, a panel for each batch size: accuracy over images a second, or bars where there is no accuracy.

    Args:
        rows: dicts with ``label``, ``precision``, ``accuracy`` (percent or None) and ``batches``, as a benchmark gives.
        batches: the batch sizes.
        title: of the figure.

    Raises:
        InputError: no row has a measurement at one of the batch sizes.
    """
    panels = {batch: sorted((row for row in rows if batch in row["batches"]), key=_speed(batch)) for batch in batches}
    if empty := [batch for batch, measured in panels.items() if not measured]:
        raise InputError(f"no row was measured at batch {empty[0]}; choose one of the batch sizes that were run")
    known = any(row.get("accuracy") is not None for row in rows)
    heights = [3.4 if known else 1.0 + 0.34 * len(measured) for measured in panels.values()]
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.2, 0.2 + sum(heights)), layout="constrained")
        axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
        for (batch, measured), ax in zip(panels.items(), axes, strict=True):
            (_points if known else _bars)(ax, measured, batch)
        axes[0].set_title(title)
        if known:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # labels are placed in this one
            for (batch, measured), ax in zip(panels.items(), axes, strict=True):
                _name_points(ax, _with_accuracy(measured), batch)
    return figure


def _bars(ax: Axes, measured: Sequence[dict[str, Any]], batch: int) -> None:
    speeds = [_speed(batch)(row) for row in measured]
    colours = [LIGHT[LOOKS[row["precision"]][0]] for row in measured]
    bars = ax.barh(range(len(measured)), speeds, color=colours, height=0.62)
    for bar, speed in zip(bars, speeds, strict=True):
        middle = bar.get_y() + bar.get_height() / 2
        ax.annotate(
            _format_speed(speed), (speed, middle), (4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    ax.set_yticks(range(len(measured)), [row["label"] for row in measured])
    ax.set_xlim(0, 1.15 * max(speeds))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.set_xlabel(f"images a second at batch {batch}, median")
    ax.grid(axis="x")


def _points(ax: Axes, measured: Sequence[dict[str, Any]], batch: int) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    shown = _with_accuracy(measured)
    for row in shown:
        colour, marker = LOOKS[row["precision"]]
        ax.plot(_speed(batch)(row), row["accuracy"], marker, color=LIGHT[colour], ms=7.5, mec=LIGHT["paper"])
    speeds, percents = [_speed(batch)(row) for row in shown], [row["accuracy"] for row in shown]
    margin = 1.3 * (max(speeds) / min(speeds)) ** 0.25  # names need room on both sides
    ax.set_xscale("log")
    ax.set_xlim(min(speeds) / margin, max(speeds) * margin)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_locator(NullLocator())
    middle = (min(percents) + max(percents)) / 2
    half = max(LEAST_SPAN, 1.6 * (max(percents) - min(percents))) / 2
    ax.set_ylim(middle - half, middle + half)
    pictures = max(row.get("pictures", 0) for row in shown)
    ax.set_ylabel("accuracy, %" + (f" of {pictures:,} images" if pictures else ""))
    left_out = [
        f"{row['label']} {_format_speed(_speed(batch)(row))}" for row in measured if row.get("accuracy") is None
    ]
    beside = f"\nwithout an accuracy: {', '.join(left_out)}" if left_out else ""
    ax.set_xlabel(f"images a second at batch {batch}, median{beside}")
    ax.grid()


def _name_points(ax: Axes, shown: Sequence[dict[str, Any]], batch: int) -> None:
    """Write each point's name where there is room, with a line to it if it is not beside its point."""
    from matplotlib.patheffects import withStroke

    figure = ax.figure
    pixel = figure.dpi / 72
    points = [tuple(ax.transData.transform((_speed(batch)(row), row["accuracy"]))) for row in shown]
    texts = [ax.text(0, 0, row["label"], fontsize=8.5, transform=None) for row in shown]
    extents = [text.get_window_extent() for text in texts]
    sizes = [(extent.width + 2 * pixel, extent.height) for extent in extents]
    area = Box(*ax.get_window_extent().extents)
    for text in texts:
        text.remove()
    halo = [withStroke(linewidth=2.5, foreground=LIGHT["paper"])]  # a line that passes under a name does not cross it
    for row, point, box in zip(shown, points, place_labels(points, sizes, area, CLEAR * pixel), strict=True):
        place = _speed(batch)(row), row["accuracy"]
        beside = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
        foot = box.nearest(point)
        line = {"arrowstyle": "-", "color": LIGHT["muted"], "lw": 0.7, "shrinkA": 0, "shrinkB": CLEAR / 2}
        ax.annotate("", place, _offset(point, foot, pixel), arrowprops=line, **beside)
        name = ax.annotate(row["label"], place, _offset(point, (box.left + pixel, (box.bottom + box.top) / 2), pixel),
                           fontsize=8.5, **beside)  # fmt: skip
        name.set(path_effects=halo, zorder=4)


def _offset(point: tuple[float, float], place: tuple[float, float], pixel: float) -> tuple[float, float]:
    return (place[0] - point[0]) / pixel, (place[1] - point[1]) / pixel


def _with_accuracy(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("accuracy") is not None]


def _format_speed(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"


def _speed(batch: int) -> Any:
    def of(row: dict[str, Any]) -> float:
        return row["batches"][batch]["images_per_second"]

    return of
