"""Landscapes: the loss around a network's weights along one or two directions (Li18, arXiv:1712.09913).

The statistics of batch norm belong to the weights. ``frozen`` (the default) keeps those of the centre: it is the
function that the saved model computes, its centre is the model's own loss exactly, and Li18 drew it.
``recomputed`` gives each point the statistics that its own weights have on the images: the network that training
would see there. Far from the centre frozen statistics no longer fit; part of the visible walls is that misfit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ..errors import InputError
from ..workers import holding_signals, pool_of, serve_parent
from .directions import Direction
from .sample import Sample, scores

STATISTICS = ("frozen", "recomputed")
Point = tuple[float, ...]  # a coordinate for each direction


class Height(NamedTuple):
    """Loss and error of the network at one point."""

    loss: float  # mean cross-entropy, nats; infinite where it is no number
    error: float  # percent


def heights(
    model: nn.Module,
    sample: Sample,
    directions: Sequence[Direction],
    points: Sequence[Point],
    *,
    statistics: str = "frozen",
    workers: int = 1,
) -> list[Height]:
    """Return loss and error at weights + sum of coordinate * direction, for each point.

    Copies of the model are moved; the model itself is not touched.

    Args:
        model: a trained classifier.
        sample: the images of the loss.
        directions: one for each coordinate of a point.
        points: coordinates to evaluate.
        statistics: ``frozen`` or ``recomputed`` (above).
        workers: processes, one thread each; 1 works here.

    Raises:
        InputError: other statistics, or points whose coordinates are not as many as the directions.
    """
    if statistics not in STATISTICS:
        raise InputError(f"statistics must be one of {', '.join(STATISTICS)}, got {statistics!r}")
    if wrong := [point for point in points if len(point) != len(directions)]:
        raise InputError(f"a point needs a coordinate for each of {len(directions)} directions, got {wrong[0]}")
    if workers <= 1:
        return list(_walk(model, sample, directions, points, statistics))
    parts = [list(points[start::workers]) for start in range(workers)]
    with pool_of(workers, _begin) as pool:
        with holding_signals():
            jobs = [pool.submit(_walk_part, model, sample, directions, part, statistics) for part in parts]
        found = [job.result() for job in jobs]
    return [found[number % workers][number // workers] for number in range(len(points))]


def _begin() -> None:
    torch.set_num_threads(1)
    serve_parent()


def _walk_part(
    model: nn.Module, sample: Sample, directions: Sequence[Direction], points: Sequence[Point], statistics: str
) -> list[Height]:
    return list(_walk(model, sample, directions, points, statistics))


def _walk(
    model: nn.Module, sample: Sample, directions: Sequence[Direction], points: Sequence[Point], statistics: str
) -> Iterator[Height]:
    moved, centre = copy.deepcopy(model), {name: value.detach().clone() for name, value in model.named_parameters()}
    for point in points:
        place(moved, centre, directions, point)
        if statistics == "recomputed":
            update_bn(list(sample.images()), moved)
        found = scores(moved, sample)
        loss = found.loss
        yield Height(loss if loss == loss else float("inf"), 100 - found.top1)


@torch.no_grad()
def place(model: nn.Module, centre: Direction, directions: Sequence[Direction], point: Point) -> None:
    """Set the model's weights to centre + sum of coordinate * direction; a coordinate of 0 adds nothing."""
    for name, weights in model.named_parameters():
        weights.copy_(centre[name])
        for coordinate, direction in zip(point, directions, strict=True):
            if coordinate:
                weights.add_(direction[name], alpha=coordinate)


def line(reach: float, steps: int) -> list[Point]:
    """Return points from -reach to reach on one direction; an odd number of them meets the centre."""
    return [(value,) for value in _axis(reach, steps)]


def grid(reach: float, steps: int) -> list[Point]:
    """Return the points of a square grid on two directions, row by row."""
    axis = _axis(reach, steps)
    return [(x, y) for y in axis for x in axis]


def _axis(reach: float, steps: int) -> list[float]:
    if steps < 3 or steps % 2 == 0 or reach <= 0:
        raise InputError(
            f"a landscape needs an odd number of steps, 3 or more, and a reach above 0, got {steps}, {reach}"
        )
    half = steps // 2
    return [reach * (number - half) / half for number in range(steps)]


def bumps(losses: Tensor) -> float:
    """Return how far a line of losses is from convex: the share of inner points that lie above their neighbours' mean.

    0 for a bowl, about one half for noise.
    """
    inner = losses[1:-1] > (losses[:-2] + losses[2:]) / 2
    return inner.double().mean().item()
