"""Place labels beside their points, so that none covers another, a point, or a line to a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle, in any unit, with y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Return whether the two overlap."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.top <= other.bottom or other.top <= self.bottom)

    def within(self, other: Box) -> bool:
        """Return whether nothing of it lies outside the other."""
        wide = other.left <= self.left and self.right <= other.right
        return wide and other.bottom <= self.bottom and self.top <= other.top

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return the place in it that is nearest to the point."""
        return min(max(point[0], self.left), self.right), min(max(point[1], self.bottom), self.top)


DIRECTIONS = 16  # tried around a point, at each distance
ALONG = 12  # places of a line to a point that are kept free


def place_labels(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], area: Box, clear: float
) -> list[Box]:
    """Return a box for each label, as near to its point as is free; the first point chooses first.

    Args:
        points: of each label.
        sizes: width and height of each label, in the points' unit.
        area: the labels stay in it, as long as it has room.
        clear: distance that labels keep from points.
    """
    taken = [_around_point(point, clear) for point in points]
    placed = []
    for point, size in zip(points, sizes, strict=True):
        reach = math.hypot(area.right - area.left, area.top - area.bottom)
        inside = (box for box in _boxes(point, size, clear, reach) if box.within(area))
        anywhere = (box for box in _boxes(point, size, clear, math.inf) if not any(map(box.meets, taken)))
        chosen = next((box for box in inside if _free(box, point, taken, clear)), None) or next(anywhere)
        placed.append(chosen)
        taken += [chosen, *_line(point, chosen, clear)]
    return placed


def _around_point(point: tuple[float, float], clear: float) -> Box:
    return Box(point[0] - clear, point[1] - clear, point[0] + clear, point[1] + clear)


def _boxes(point: tuple[float, float], size: tuple[float, float], clear: float, reach: float) -> Iterator[Box]:
    """Yield boxes around the point, nearest first, up to the distance ``reach``."""
    wide, high = size
    distance = 1.5 * clear
    while distance < reach:
        for step in range(DIRECTIONS):
            across, up = (f(2 * math.pi * step / DIRECTIONS) for f in (math.cos, math.sin))
            x = point[0] + distance * across + (across - 1) / 2 * wide
            y = point[1] + distance * up + (up - 1) / 2 * high
            yield Box(x, y, x + wide, y + high)
        distance += clear


def _free(box: Box, point: tuple[float, float], taken: Sequence[Box], clear: float) -> bool:
    """Return whether nothing lies under the box, and under its line to the point nothing but the points at its foot."""
    if any(map(box.meets, taken)):
        return False
    foot = _around_point(point, clear)
    others = [other for other in taken if not other.meets(foot)]
    return not any(piece.meets(other) for piece in _line(point, box, clear) for other in others)


def _line(point: tuple[float, float], box: Box, clear: float) -> list[Box]:
    """Return the line from a point to its label as small boxes; none where the label is beside the point."""
    end = box.nearest(point)
    if math.dist(point, end) <= 2 * clear:
        return []
    half = clear / 8
    steps = [(step + 0.5) / ALONG for step in range(ALONG)]
    places = [(point[0] + s * (end[0] - point[0]), point[1] + s * (end[1] - point[1])) for s in steps]
    return [Box(x - half, y - half, x + half, y + half) for x, y in places]
