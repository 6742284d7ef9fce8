"""Landscape: what is the shape of the loss around trained weights, with and without shortcuts?

Command    residuum study landscape [--model FILE --data DATA]

The loss is measured on training images without augmentation, along directions normalised filter by filter (Li18 section
4). Batch norm uses the trained statistics, so that the centre is the model's own loss; one line is drawn
again with recomputed statistics. A training trajectory is drawn in the plane of its two principal components, with
recomputed statistics, since each epoch's weights had their own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ..analysis.directions import Direction, random_direction, trajectory
from ..analysis.landscape import Height, Point, bumps, grid, heights, line
from ..analysis.sample import Sample
from ..report.study_page import Finding, Table
from .form import Numbers, Options, Workspace
from .landscape_figures import drawings as drawings
from .measuring import OWN, by_network, measured, members_or_model, named, twins_judged
from .statistics import Matters, spread

QUESTION = (
    "A loss that is smooth around the weights lets gradient descent walk far in one direction; a rough one does not. "
    "Is the loss around a plain network's weights rougher than around its residual twin's, and does depth make it so?"
)
SOURCE = "Li18 (arXiv:1712.09913), figures 1, 5 and 9: networks of 20, 56 and 110 layers on CIFAR-10"
COST = "about ten minutes on two cores: twelve runs of 15 epochs on the embedded digits, and 1,700 points around them"
EXPECTED = (
    "plain-56 lies in a narrow, rough region, its residual twin in a wide, smooth one; with 20 layers both do well."
)
DEFAULTS = Options(data="digits", depths=(20, 56))
KEEPS_EPOCHS = True

REACH = 1.0  # of a line and a surface: a step of 1 moves each filter by its own norm
LINE, DIRECTIONS = 21, 3  # points of a line, lines of a network
GRID = 15  # points along a side of a surface
WAY = 9  # points along the shorter side of a trajectory's plane
PICTURES_AT_MOST = 300
RISE = 1.0  # nats: the width is the distance within which the loss stays this close to the centre
PER_WORKER = 20_000  # image evaluations that justify another process

members = members_or_model


def measure(work: Workspace) -> Numbers:
    """Return losses along lines, and for the first seed over a surface and around the training trajectory."""

    def look(name: str, model: nn.Module, sample: Sample) -> Numbers:
        sample = sample.first(PICTURES_AT_MOST)
        found = {"pictures": len(sample), **_lines(model, sample)}
        if name == OWN or name.endswith("seed0"):
            found["recomputed"] = _losses(model, sample, [random_direction(model, 0)], line(REACH, LINE), "recomputed")
            directions = [random_direction(model, 0, number) for number in (0, 1)]
            found["surface"] = _losses(model, sample, directions, grid(REACH, GRID))
            found["way"] = _way(work, name, model, sample)
        return found

    return measured(work, "landscape", passes=DIRECTIONS * LINE + GRID**2 + WAY**2, look=look, split="train")


def _lines(model: nn.Module, sample: Sample) -> Numbers:
    points = line(REACH, LINE)
    losses = [_losses(model, sample, [random_direction(model, 0, number)], points) for number in range(DIRECTIONS)]
    return {"axis": [point[0] for point in points], "lines": losses}


def _losses(
    model: nn.Module,
    sample: Sample,
    directions: Sequence[Direction],
    points: Sequence[Point],
    statistics: str = "frozen",
) -> list[float | None]:
    """Return the loss at each point; None where it is NaN."""
    workers = min(os.cpu_count() or 1, max(1, len(points) * len(sample) // PER_WORKER))
    found: list[Height] = heights(model, sample, directions, points, statistics=statistics, workers=workers)
    return [height.loss if math.isfinite(height.loss) else None for height in found]


def _way(work: Workspace, name: str, model: nn.Module, sample: Sample) -> Numbers | None:
    """Return the training trajectory in its plane, and the losses around it; None without epochs' weights."""
    weights = [dict(epoch.named_parameters()) for epoch in work.epochs(name)] if name != OWN else []
    if len(weights) < 3:
        return None
    with torch.no_grad():
        found = trajectory(weights)
    low, high = found.places.min(0).values, found.places.max(0).values
    margin = 0.2 * (high - low).max()
    across, up = (torch.linspace(low[i] - margin, high[i] + margin, WAY).tolist() for i in (0, 1))
    points = [(x, y) for y in up for x in across]
    return {
        "places": found.places.tolist(),
        "explained": found.explained,
        "across": across,
        "up": up,
        "losses": _losses(model, sample, found.directions, points, "recomputed"),
    }


def findings(numbers: Numbers) -> list[Finding]:
    """Judge whether residual networks lie in wider and smoother regions, by seed."""
    grouped = by_network(numbers)
    wide = twins_judged(
        "A residual network lies in a wider region than its plain twin",
        "Li18 figure 5",
        grouped,
        lambda one: _width(one),
        "above",
        matters=Matters(0.05, "chosen here: a twentieth of the filters' norms"),
        unit=f"of the filters' norms, until the loss has risen by {RISE:g} nat",
    )
    smooth = twins_judged(
        "Lines around a residual network are nearer to convex than around its plain twin",
        "Li18 figures 1 and 5",
        grouped,
        _bumps,
        "below",
        matters=Matters(0.05, "chosen here: one point in twenty"),
        unit="of the points lie above their neighbours' mean",
    )
    return [*wide, *smooth]


def _width(one: Any) -> float:
    """Return the distance from the centre where the loss rises by RISE, mean over directions and both sides."""
    axis, centre, reached = np.array(one["axis"]), LINE // 2, []
    for losses in one["lines"]:
        values = np.array([np.inf if loss is None else loss for loss in losses])
        above = values > values[centre] + RISE
        for side in (above[centre:], above[centre::-1]):
            first = int(np.argmax(side)) if side.any() else len(side) - 1
            reached.append(abs(axis[centre + first]))
    return float(np.mean(reached))


def _bumps(one: Any) -> float:
    """Return the share of points that lie above their neighbours' mean, within half the reach."""
    quarter = LINE // 4
    inner = [[np.inf if loss is None else loss for loss in losses[quarter:-quarter]] for losses in one["lines"]]
    return float(np.mean([bumps(torch.tensor(losses)) for losses in inner]))


def answer(numbers: Numbers) -> str:
    """Report the width and roughness around each network, and the verdicts on the twins."""
    said = [
        f"around {named(name)} the loss stays within {RISE:g} nat up to {np.mean([_width(one) for one in seeds]):.2f} "
        f"of the filters' norms, and {100 * np.mean([_bumps(one) for one in seeds]):.0f} % of the inner points lie "
        "above their neighbours' mean"
        for name, seeds in by_network(numbers).items()
    ]
    verdicts = [f"{finding.claim}: {finding.verdict}" for finding in findings(numbers)]
    text = "; ".join(said)
    return ". ".join([text[0].upper() + text[1:], *verdicts]) + "."


def tables(numbers: Numbers) -> list[Table]:
    """Return the loss at the centre, the width and the bumps of each network."""
    rows = []
    for network, seeds in by_network(numbers).items():
        centre = [one["lines"][0][LINE // 2] for one in seeds]
        rough = [100 * _bumps(one) for one in seeds]
        rows.append([network, spread(centre, 3), spread([_width(one) for one in seeds], 2), spread(rough)])
    first = next(iter(numbers["subjects"].values()))
    caption = (
        f"Training loss on {first['pictures']} images of {numbers['data']}, {DIRECTIONS} directions a network, "
        "statistics of batch norm frozen; mean and deviation over seeds."
    )
    header = ["network", "loss at the centre", "width", "bumps %"]
    return [Table(header, rows, caption)]
