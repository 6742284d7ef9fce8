from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from residuum.errors import InputError
from residuum.report.figures import confusion_matrix
from residuum.report.style import LIGHT, png


def names(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def test_cells_say_hit_or_mistake_and_the_share_of_the_row():
    ax = confusion_matrix(np.array([[6, 2], [0, 5]]), ["cat", "dog"]).axes[0]
    cells = np.asarray(ax.images[0].get_array())
    assert cells[0, 0] == pytest.approx([*to_rgb(LIGHT["blue"]), 0.75 ** (1 / 3)])
    assert cells[0, 1] == pytest.approx([*to_rgb(LIGHT["vermilion"]), 0.25 ** (1 / 3)])
    assert cells[1, 0, 3] == 0 and cells[1, 1, 3] == 1
    written = {text.get_position(): text.get_text() for text in ax.texts}  # (column, row)
    assert written == {(0, 0): "6", (1, 0): "2", (1, 1): "5"}
    assert names(ax) == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "truth")


@pytest.mark.parametrize(
    ("classes", "named", "counted", "cells"),
    [
        (2, True, True, 2),
        (20, True, True, 20),
        (21, True, False, 21),
        (41, False, False, 41),
        (300, False, False, 150),
        (1000, False, False, 250),
    ],
)
def test_readable_from_two_to_a_thousand_classes(classes, named, counted, cells):
    matrix = np.eye(classes, dtype=int)
    figure = confusion_matrix(matrix, [str(i) for i in range(classes)])
    ax = figure.axes[0]
    assert bool(names(ax)) == named
    assert bool(ax.texts) == counted
    assert ax.images[0].get_array().shape == (cells, cells, 4)
    assert max(figure.get_size_inches()) <= 8
    assert png(figure).startswith(b"\x89PNG")


def test_shared_cells_keep_every_mistake():
    matrix = 99 * np.eye(1000, dtype=int)
    matrix[7, 901] = 1
    ax = confusion_matrix(matrix, [str(i) for i in range(1000)]).axes[0]
    cells = np.asarray(ax.images[0].get_array())
    assert cells[7 // 4, 901 // 4, 3] == pytest.approx(0.01 ** (1 / 3))
    assert (cells[..., 3] > 0).sum() == 251
    assert "4 by 4 classes" in ax.get_xlabel()


def test_a_class_without_images_is_an_empty_row():
    cells = np.asarray(confusion_matrix(np.array([[0, 0], [1, 1]]), ["a", "b"]).axes[0].images[0].get_array())
    assert (cells[0, :, 3] == 0).all() and np.isfinite(cells).all()


def test_odd_class_names_are_drawn_as_they_are():
    odd = ["$5", "a$b$c", "<script>", "鸟", "x" * 80]
    ax = confusion_matrix(np.eye(5, dtype=int), odd).axes[0]
    assert names(ax)[:4] == odd[:4]
    assert names(ax)[4] == "x" * 17 + "…"
    assert png(ax.figure).startswith(b"\x89PNG")


def test_the_matrix_must_fit_the_classes():
    with pytest.raises(InputError, match=r"a row for each of the 3 classes, got shape \(2, 2\); pass the classes"):
        confusion_matrix(np.eye(2), ["a", "b", "c"])
    with pytest.raises(InputError, match="must hold counts, got -1"):
        confusion_matrix(np.array([[-1, 0], [0, 1]]), ["a", "b"])
