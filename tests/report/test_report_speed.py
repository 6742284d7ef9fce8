"""Speed against accuracy: every point is named once, and no name lies on another name or on a point."""

from itertools import combinations

import numpy as np
import pytest

from residuum.errors import InputError
from residuum.report.placing import Box, place_labels
from residuum.report.speed import speed_figure


def row(label, precision, speed, accuracy):
    batches = {1: {"images_per_second": speed}, 16: {"images_per_second": 3 * speed}}
    return {"label": label, "precision": precision, "accuracy": accuracy, "pictures": 10000, "batches": batches}


# as such figures are: all of one accuracy, some as fast as others
CROWDED = [
    row(f"residuum engine {number} {precision}", precision, speed * (1 + 0.02 * number), accuracy)
    for number in range(4)
    for precision, speed, accuracy in (("fp32", 400, 91.73), ("bf16", 420, 91.71), ("int8", 410, 91.74))
]


def drawn(figure):
    """Return for each panel its labels' boxes by text, and its points, in pixels, as they are painted."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        labels = {text.get_text(): Box(*text.get_window_extent().extents) for text in ax.texts if text.get_text()}
        points = [tuple(ax.transData.transform(line.get_xydata()[0])) for line in ax.lines]
        yield labels, points, Box(*ax.get_window_extent().extents)


def test_names_lie_on_nothing():
    for labels, points, area in drawn(speed_figure(CROWDED, [1, 16], "a network")):
        assert len(labels) == len(points) == len(CROWDED)
        for (one, box), (two, other) in combinations(labels.items(), 2):
            assert not box.meets(other), f"{one} lies on {two}"
        for name, box in labels.items():
            assert box.within(area), f"{name} leaves the panel"
            assert not any(box.meets(Box(x - 4, y - 4, x + 4, y + 4)) for x, y in points), f"{name} covers a point"


def test_points_are_speed_and_accuracy():
    rows = [row("a", "fp32", 100, 90.0), row("b", "int8", 400, 89.0), row("peer fp32", "fp32", 50.5, None)]
    figure = speed_figure(rows, [16], "a network")
    (ax,) = figure.axes
    assert sorted(tuple(line.get_xydata()[0]) for line in ax.lines) == [(300, 90.0), (1200, 89.0)]
    assert len({line.get_color() for line in ax.lines}) == len({line.get_marker() for line in ax.lines}) == 2
    assert ax.get_ylabel() == "accuracy, % of 10,000 images"
    assert ax.get_xlabel().endswith("without an accuracy: peer fp32 152")


def test_small_differences_are_not_drawn_large():
    (ax,) = speed_figure([row("a", "fp32", 1, 90.0), row("b", "bf16", 2, 90.01)], [1], "a network").axes
    low, high = ax.get_ylim()
    assert high - low == pytest.approx(1)


def test_without_accuracy_there_are_bars():
    rows = [row("quick int8", "int8", 400, None), row("slow bf16", "bf16", 5.25, None)]
    figure = speed_figure(rows, [1, 16], "a network")
    assert len(figure.axes) == 2
    for ax, speeds in zip(figure.axes, ([5.25, 400], [15.75, 1200]), strict=True):
        assert [label.get_text() for label in ax.get_yticklabels()] == ["slow bf16", "quick int8"]
        assert [bar.get_width() for bar in ax.patches] == speeds
    assert [text.get_text() for text in figure.axes[1].texts] == ["16", "1,200"]
    with pytest.raises(InputError, match="no row was measured at batch 7"):
        speed_figure(rows, [1, 7], "a network")


def test_labels_are_placed_near_and_apart():
    area, clear = Box(0, 0, 700, 300), 7
    for seed in range(20):
        draw = np.random.default_rng(seed)
        points = [(x, 150 + y) for x, y in zip(draw.uniform(40, 660, 14), draw.uniform(-20, 20, 14), strict=True)]
        sizes = [(width, 11) for width in draw.uniform(40, 110, 14)]
        boxes = place_labels(points, sizes, area, clear)
        for box, size in zip(boxes, sizes, strict=True):
            assert (box.right - box.left, box.top - box.bottom) == pytest.approx(size) and box.within(area)
        assert not any(one.meets(two) for one, two in combinations(boxes, 2))
        assert not any(box.meets(Box(x - clear, y - clear, x + clear, y + clear)) for box in boxes for x, y in points)
    (alone,) = place_labels([(300, 100)], [(60, 11)], area, clear)
    assert alone == pytest.approx((310.5, 94.5, 370.5, 105.5))  # on the right, beside the point


def test_labels_that_find_no_room_leave_the_area():
    points, sizes = [(5.0, 5.0)] * 6, [(30.0, 8.0)] * 6
    boxes = place_labels(points, sizes, Box(0, 0, 20, 10), 2)
    assert not any(one.meets(two) for one, two in combinations(boxes, 2))
