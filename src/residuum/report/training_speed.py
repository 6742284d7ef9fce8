"""The figure of a training benchmark: images a second beside the ceiling, and the roofline under which they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import LIGHT, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {"fp32": ("blue", "o"), "bf16": ("green", "^")}  # colour, marker
ABOVE = {
    "ordinary": (8, -13),
    "torch's best": (8, -13),
    "residuum": (8, 6),
    "--winograd": (8, 6),
}  # of a point's name, points


def training_figure(rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any], title: str) -> Figure:
    """Draw every loop's speed and its share of the ceiling, and the same speeds as arithmetic under the roofline.

    Args:
        rows: dicts with ``name``, ``precision``, ``images_per_second``, ``share`` (of the ceiling, 0..1),
            ``flops_per_second`` and ``flops_per_byte``, as the benchmark gives.
        machine: ``flops_per_second`` by precision and ``bytes_per_second``, as measured.
        title: of the figure.
    """
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.2, 4.9), layout="constrained")
        bars, roof = figure.subplots(2, height_ratios=[1, 2.1])
        _bars(bars, rows)
        _roofline(roof, rows, machine)
        bars.set_title(title)
    return figure


def _bars(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    speeds = [row["images_per_second"] for row in rows][::-1]
    ceilings = [row["images_per_second"] / row["share"] for row in rows][::-1]
    colours = [LIGHT[LOOKS[row["precision"]][0]] for row in rows][::-1]
    ax.barh(range(len(rows)), ceilings, color="none", edgecolor=LIGHT["muted"], height=0.62, linewidth=0.8)
    ax.barh(range(len(rows)), speeds, color=colours, height=0.62)
    ends = [max(pair) for pair in zip(speeds, ceilings, strict=True)]  # fewer products may exceed the ceiling
    for place, (row, ceiling, end) in enumerate(zip(list(rows)[::-1], ceilings, ends, strict=True)):
        said = f"{_number(row['images_per_second'])} of {_number(ceiling)}: {100 * row['share']:.0f} %"
        ax.annotate(said, (end, place), (4, 0), textcoords="offset points", va="center", fontsize=8.5)
    ax.set_yticks(range(len(rows)), [f"{row['name']} {row['precision']}" for row in rows][::-1])
    ax.set_xlim(0, 1.35 * max(ends))
    ax.set_xlabel("images a second, median; the frame is the ceiling in that precision")
    ax.grid(axis="x")


def _roofline(ax: Axes, rows: Sequence[Mapping[str, Any]], machine: Mapping[str, Any]) -> None:
    intensities = [row["flops_per_byte"] for row in rows]
    reach = np.geomspace(min(intensities) / 6, max(intensities) * 6, 100)
    for precision, peak in machine["flops_per_second"].items():
        roof = np.minimum(peak, reach * machine["bytes_per_second"])
        ax.plot(reach, roof / 1e9, color=LIGHT[LOOKS[precision][0]], lw=1.4)
        ax.annotate(f"{precision}: {peak / 1e9:,.0f} GFLOP/s", (reach[-1], peak / 1e9), (0, 4), ha="right",
                    textcoords="offset points", fontsize=8.5, color=LIGHT[LOOKS[precision][0]])  # fmt: skip
    slope = reach[6] * machine["bytes_per_second"] / 1e9
    ax.annotate(f"memory: {machine['bytes_per_second'] / 1e9:,.0f} GB/s", (reach[6], slope), (8, -6),
                textcoords="offset points", fontsize=8.5, color=LIGHT["muted"])  # fmt: skip
    for row in rows:
        colour, marker = LOOKS[row["precision"]]
        point = row["flops_per_byte"], row["flops_per_second"] / 1e9
        ax.plot(*point, marker, color=LIGHT[colour], ms=7.5, mec=LIGHT["paper"])
        ax.annotate(row["name"], point, ABOVE[row["name"]], textcoords="offset points", fontsize=8.5)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(bottom=min(row["flops_per_second"] for row in rows) / 1.5e9)
    ax.tick_params(axis="both", which="both", length=0)
    ax.set_xlabel("arithmetic of a step per byte that fused feature maps must move, FLOP/byte")
    ax.set_ylabel("GFLOP/s")
    ax.grid()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
