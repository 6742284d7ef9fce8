"""Figures of studies from plain numbers, and what they refuse."""

import json

import numpy as np
import pytest

from residuum.report.grids import as_pictures, bytes_as_pictures, picture_rows
from residuum.report.lines import Line, Panel, line_panel
from residuum.report.maps import contour, matrix, surface, turning_surface

WORDS = {"title": "t", "label": "loss", "top": 5.0}


def test_a_line_is_the_mean_and_its_shade_the_range():
    panel = Panel("Title", "x", "y", [Line("residual-20", [0, 1, 2], [[1, 2, 3], [3, 4, 7]])], marks={1: "border"},
                  level=(2.5, "chance"), top=9)  # fmt: skip
    (ax,) = line_panel(panel).axes
    drawn = next(line for line in ax.lines if line.get_label() == "residual-20")
    assert drawn.get_ydata().tolist() == [2, 3, 5]
    shade = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (shade.min(), shade.max()) == (1, 7)
    words = {text.get_text() for text in ax.texts}
    assert {"border", "chance", "residual-20 5.0"} <= words and ax.get_ylim()[1] == 9


def test_a_gap_stays_a_gap():
    (ax,) = line_panel(Panel("t", "x", "y", [Line("a", [0, 1, 2], [[1, None, 2]])])).axes
    assert np.isnan(next(line for line in ax.lines if line.get_label() == "a").get_ydata()[1])


def test_heights_beyond_the_top_are_cut():
    axis, heights = [-1, 0, 1], [[9, 1, None], [2, 0.5, 2], [float("inf"), 3, float("nan")]]
    plot = turning_surface(axis, heights, **WORDS)
    assert plot["data"][0]["z"] == [[5, 1, 5], [2, 0.5, 2], [5, 3, 5]]
    json.dumps(plot, allow_nan=False)
    assert len(surface(axis, heights, **WORDS).axes) == 1
    drawn = contour(axis, heights, way=[(-1.0, 0.5), (0.2, 0.3)], **WORDS).axes[0]
    cross = drawn.lines[-1]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (0.2, 0.3)  # the way's end, where the trained network lies


def test_a_matrix_shows_each_pair():
    shown = matrix([[1, 0.2], [0.2, 1]], ["a", "b"], title="t", label="CKA").axes[0].images[0]
    assert shown.get_array().tolist() == [[1, 0.2], [0.2, 1]] and shown.get_clim() == (0, 1)


def test_pictures_stand_side_by_side():
    rows = [[np.full((8, 8), 30 * number, np.uint8) for number in range(3)], [np.zeros((8, 8, 3), np.uint8)]]
    figure = picture_rows(rows, ["one", "two"], title="t", gap=True)
    strip = figure.axes[0].images[0].get_array()
    assert strip.shape == (64, 3 * 64 + 32 + 4, 4)
    assert strip[5, 5].tolist() == [0, 0, 0, 255] and strip[5, 64 + 32 + 5].tolist() == [30, 30, 30, 255]
    assert strip[5, 70, 3] == 0  # the gap is clear


def test_numbers_become_pictures_about_a_middle_grey():
    dark, bright = as_pictures(np.array([[[[-1.0, 0.0]]], [[[0.5, 0.25]]]]))
    assert dark.tolist() == [[0, 128]] and bright.tolist() == [[255, 191]]
    assert bytes_as_pictures(np.zeros((2, 3, 4, 5), np.uint8))[0].shape == (4, 5, 3)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="t: a panel needs a line, got none; leave the figure out"):
        line_panel(Panel("t", "x", "y", []))
    with pytest.raises(ValueError, match=r"a: values must be \[repetitions, 2\], as many as x, got \[1, 3\]"):
        line_panel(Panel("t", "x", "y", [Line("a", [0, 1], [[1, 2, 3]])]))
    with pytest.raises(ValueError, match=r"heights must be \[3, 3\], one a point, got \[1, 2\]"):
        contour([0, 1, 2], [[1, 2]], **WORDS)
    with pytest.raises(ValueError, match="a grid needs images in each row and a name for it, got 1 rows, 2 names"):
        picture_rows([[np.zeros((2, 2), np.uint8)]], ["a", "b"], title="t")
