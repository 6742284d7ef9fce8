from __future__ import annotations

import pytest

from residuum.errors import InputError
from residuum.report.runs_figure import NAMED, RunCurve, runs_figure


def curve(number, epochs=3):
    return RunCurve(
        f"run {number}",
        list(range(1, epochs + 1)),
        [50 + number + e for e in range(epochs)],
        [2 - 0.1 * number - 0.2 * e for e in range(epochs)],
    )


def test_each_run_is_a_line_in_both_panels():
    accuracy, loss = runs_figure([curve(0), curve(1, epochs=2)]).axes
    lines = {line.get_label(): line for line in accuracy.lines}
    assert list(lines["run 0"].get_ydata()) == [50, 51, 52]
    assert list(lines["run 1"].get_xdata()) == [1, 2]
    assert {line.get_label() for line in loss.lines} == {"run 0", "run 1"}
    assert sorted(text.get_text() for text in accuracy.texts) == ["run 0 52.0", "run 1 52.0"]


def test_no_two_of_the_named_runs_look_alike():
    lines = runs_figure([curve(number) for number in range(NAMED)]).axes[0].lines
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle(), line.get_markerfacecolor()) for line in lines}
    assert len(looks) == NAMED
    for colour in {line.get_color() for line in lines}:  # where two share a colour, dash and marker's face differ
        alike = [line for line in lines if line.get_color() == colour]
        assert len({line.get_linestyle() for line in alike}) == len(alike) == 2


def test_more_runs_are_grey_and_counted():
    figure = runs_figure([curve(number) for number in range(NAMED + 3)])
    assert figure.axes[0].get_title(loc="left") == "Validation accuracy, %   (3 more in grey)"
    grey = [line for line in figure.axes[0].lines if line.get_label().startswith("_")]
    assert len(grey) == 3 and len({line.get_color() for line in grey}) == 1
    assert len(figure.axes[0].texts) == NAMED
    assert figure.axes[0].lines.index(grey[0]) == 0, "the named ones lie above"


def test_what_is_not_finite_leaves_a_gap():
    nan = float("nan")
    broken, lost = RunCurve("broken", [1, 2], [50.0, 40.0], [1.0, nan]), RunCurve("lost", [1], [10.0], [nan])
    loss = runs_figure([broken, lost]).axes[1]
    assert [text.get_text() for text in loss.texts] == ["broken 1"]


def test_a_picture_needs_epochs():
    for wrong in ([], [RunCurve("none", [], [], [])]):
        with pytest.raises(InputError, match="a figure of runs needs a run, each with a finished epoch"):
            runs_figure(wrong)
