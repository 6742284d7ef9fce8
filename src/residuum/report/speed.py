"""The figure of an inference benchmark: speed against accuracy, or speed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .style import LIGHT, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"fp32": "blue", "bf16": "green", "int8": "vermilion"}


def speed_figure(rows: Sequence[dict[str, Any]], batch: int, title: str) -> Figure:
    """Draw images a second of every row at one batch size, by precision.

    Args:
        rows: dicts with ``name``, ``precision``, ``accuracy`` (percent or None) and ``batches``, as a benchmark gives.
        batch: which batch size.
        title: above the figure.

    Raises:
        InputError: no row was measured at that batch size.
    """
    measured = sorted((row for row in rows if batch in row["batches"]), key=_speed(batch))
    if not measured:
        raise InputError(f"no row was measured at batch {batch}; choose one of the batch sizes that were run")
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.2, 1.2 + 0.34 * len(measured)), layout="constrained")
        axes = figure.add_subplot()
        speeds = [_speed(batch)(row) for row in measured]
        colours = [LIGHT[COLOURS[row["precision"]]] for row in measured]
        bars = axes.barh(range(len(measured)), speeds, color=colours, height=0.62)
        for bar, row, speed in zip(bars, measured, speeds, strict=True):
            said = f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"
            accuracy = f"   {row['accuracy']:.2f} %" if row.get("accuracy") is not None else ""
            middle = bar.get_y() + bar.get_height() / 2
            axes.annotate(
                said + accuracy, (speed, middle), (4, 0), textcoords="offset points", va="center", fontsize=8.5
            )
        axes.set_yticks(range(len(measured)), [f"{row['name']}  {row['precision']}" for row in measured])
        axes.set_xlim(0, 1.3 * max(speeds))
        right = " (accuracy beside it)" if any(row.get("accuracy") is not None for row in measured) else ""
        axes.set_xlabel(f"images a second at batch {batch}, median{right}")
        axes.set_title(title)
        axes.grid(axis="x")
    return figure


def _speed(batch: int) -> Any:
    def of(row: dict[str, Any]) -> float:
        return row["batches"][batch]["images_per_second"]

    return of
