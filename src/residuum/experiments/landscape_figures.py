"""The figures of the landscape study, from its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..report.lines import Line, Panel, line_panel
from ..report.maps import contour, surface, turning_surface
from ..report.study_page import Drawing
from .form import Numbers
from .measuring import by_network, lines_of, look_of, named

LOSS = "training loss, nats"
TOP = 5.0  # nats: twice the loss of guessing among ten; higher walls are cut
STEP = "step, of the filters' norms"


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw lines, surfaces from above and in three dimensions, and training trajectories."""
    grouped = by_network(numbers)
    pictures = [_lines(grouped), _statistics(grouped)]
    for network, seeds in grouped.items():
        one = seeds[0]
        if one.get("surface"):
            pictures += _surfaces(network, one)
        if one.get("way"):
            pictures.append(_way(network, one["way"]))
    return pictures


def _lines(grouped: dict[str, list[Any]]) -> Drawing:
    lines = lines_of(grouped, lambda one: one["axis"], lambda one: np.mean([_cut(row) for row in one["lines"]], axis=0))
    panel = Panel("Loss along random directions", STEP, LOSS, lines, top=TOP, form="{:.1f}")
    caption = (
        f"Mean over directions; higher than {TOP:g} is cut. The shade reaches from the lowest seed to the highest."
    )
    return Drawing("lines", line_panel(panel), "Loss over the step along random directions, a line a network.", caption)


def _statistics(grouped: dict[str, list[Any]]) -> Drawing:
    lines = []
    for network, seeds in grouped.items():
        one = seeds[0]
        for words, losses, dashed in (("frozen", one["lines"][0], False), ("recomputed", one["recomputed"], True)):
            lines.append(Line(f"{network} {words}", one["axis"], [_cut(losses)], look_of(network), dashed=dashed))
    deepest = max(grouped, key=lambda name: int(name.split("-")[1]) if "-" in name else 0).split("-")[-1]
    chosen = [line for line in lines if line.name.split()[0].endswith(deepest)]
    panel = Panel("Batch norm frozen or recomputed", STEP, LOSS, chosen, top=TOP)
    alt = "Loss along one direction with frozen and with recomputed statistics."
    caption = "One direction. Frozen statistics belong to the trained weights and fit less with distance."
    return Drawing("statistics", line_panel(panel), alt, caption)


def _surfaces(network: str, one: Any) -> list[Drawing]:
    side = round(len(one["surface"]) ** 0.5)
    axis = np.linspace(one["axis"][0], one["axis"][-1], side).tolist()
    rows = [one["surface"][start : start + side] for start in range(0, len(one["surface"]), side)]
    title, alt = f"Loss around {named(network)}", f"The loss around {named(network)} along two random directions"
    caption = f"Filter-normalised directions; higher than {TOP:g} nats is cut. The cross is the trained network."
    words: dict[str, Any] = {"title": title, "label": LOSS, "top": TOP}
    return [
        Drawing(f"contour-{network}", contour(axis, rows, **words), f"{alt}, from above.", caption),
        Drawing(
            f"surface-{network}",
            surface(axis, rows, **words),
            f"{alt}, in three dimensions.",
            caption.split(" The cross")[0],
            interactive=turning_surface(axis, [_cut(row) for row in rows], **words),
        ),
    ]


def _way(network: str, way: Any) -> Drawing:
    columns = len(way["across"])
    rows = [way["losses"][start : start + columns] for start in range(0, len(way["losses"]), columns)]
    shares = [f"{100 * share:.0f} % of the trajectory" for share in way["explained"]]
    figure = contour(
        way["across"],
        rows,
        title=f"Trajectory of {network}",
        label=LOSS,
        top=TOP,
        way=[(x, y) for x, y in way["places"]],
        names=(f"first component: {shares[0]}", f"second component: {shares[1]}"),
        other_axis=way["up"],
    )
    caption = "Weights after each epoch in the plane of their two principal components; statistics recomputed."
    alt = f"The trajectory of {network} through the loss, from its first epoch to its last."
    return Drawing(f"way-{network}", figure, alt, caption)


def _cut(losses: list[float | None]) -> list[float]:
    return [TOP if loss is None else min(loss, TOP) for loss in losses]
