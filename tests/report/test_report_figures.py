from __future__ import annotations

import numpy as np
import pytest

from residuum.errors import InputError
from residuum.report.figures import Series, _apart, curves, degradation, per_class_accuracy
from residuum.report.style import png

COLUMNS = {"training": ("train_loss", "train_acc1"), "validation": ("val_loss", "val_acc1")}


def history(epochs=5, **replaced):
    rows = [
        {
            "epoch": e,
            "lr": 0.1,
            "train_loss": 2 / e,
            "train_acc1": 90 + e,
            "val_loss": 2.2 / e,
            "val_acc1": 80 + 2 * e,
        }
        for e in range(1, epochs + 1)
    ]
    return [row | replaced for row in rows]


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def said(ax):
    return [text.get_text() for text in ax.texts]


def test_curves_hold_the_history():
    rows = history()
    figure = curves(rows)
    for panel, ax in enumerate(figure.axes):
        for name, columns in COLUMNS.items():
            line = lines(ax)[name]
            assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
            assert list(line.get_ydata()) == [row[columns[panel]] for row in rows]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Loss", "Accuracy, %"]
    assert sorted(said(figure.axes[1])) == ["training 95.0", "validation 90.0"]


def test_training_is_dashed_and_thinner():
    drawn = lines(curves(history()).axes[0])
    assert drawn["training"].get_linestyle() != "-"
    assert drawn["validation"].get_linestyle() == "-"
    assert drawn["training"].get_linewidth() < drawn["validation"].get_linewidth()
    assert drawn["training"].get_color() != drawn["validation"].get_color()


def test_axes_reach_from_sensible_ends():
    loss, accuracy = curves(history()).axes
    assert loss.get_ylim()[0] == 0 and loss.get_ylim()[1] > 2.2
    assert accuracy.get_ylim() == (80, 101)
    low = curves(history(train_acc1=0.3)).axes[1]
    assert low.get_ylim() == (0, 101)


def test_a_loss_over_decades_gets_a_log_axis():
    rows = history(3)
    rows[0]["train_loss"] = 1e4
    assert curves(rows).axes[0].get_yscale() == "log"
    assert curves(history(3)).axes[0].get_yscale() == "linear"


def test_one_epoch_is_a_point():
    ax = curves(history(1)).axes[1]
    assert lines(ax)["validation"].get_marker() == "o"
    assert ax.get_xlim()[0] < 1 < ax.get_xlim()[1]


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_validation_draws_training_alone(missing):
    figure = curves(history(val_loss=missing, val_acc1=missing))
    assert [list(lines(ax)) for ax in figure.axes] == [["training"], ["training"]]
    assert not any("not finite" in text for ax in figure.axes for text in said(ax))
    bare = [{"epoch": 1, "train_loss": 1.0, "train_acc1": 50.0}]
    assert list(lines(curves(bare).axes[0])) == ["training"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "nan"])
def test_a_loss_that_is_not_finite_leaves_a_gap_and_is_said(value):
    rows = history(4)
    rows[2]["train_loss"] = rows[3]["train_loss"] = value
    ax = curves(rows).axes[0]
    assert np.isnan(lines(ax)["training"].get_ydata()).tolist() == [False, False, True, True]
    assert "not finite in 2 of 4 epochs, first in epoch 3" in said(ax)
    assert np.isfinite(ax.get_ylim()).all()


def test_a_run_of_nothing_but_nan_still_draws():
    figure = curves(history(2, train_loss=float("nan"), val_loss=float("nan")))
    assert not lines(figure.axes[0]) and figure.axes[0].get_xlim()[1] > 2
    assert png(figure).startswith(b"\x89PNG")


def test_curves_want_an_epoch_and_known_parts():
    with pytest.raises(InputError, match="at least one epoch, got an empty history; leave the figure out"):
        curves([])
    with pytest.raises(InputError, match="among loss, accuracy, got speed"):
        curves(history(), ["loss", "speed"])
    assert [ax.get_title(loc="left") for ax in curves(history(), ["accuracy"]).axes] == ["Accuracy, %"]


def series(name, depth, kind, level, seeds=3, epochs=4):
    spread = np.arange(seeds)[:, None] + np.zeros(epochs)
    return Series(name, depth, kind, level + spread, level + 5 + spread)


NETWORKS = [
    series("plain-20", 20, "plain", 10),
    series("plain-56", 56, "plain", 40),
    series("resnet-20", 20, "residual", 8),
    series("resnet-56", 56, "residual", 4),
]


def test_degradation_draws_means_and_the_spread_of_seeds():
    plain, residual = degradation(NETWORKS).axes
    assert list(lines(plain)["plain-20"].get_ydata()) == [16] * 4
    assert list(lines(plain)["_plain-20 training"].get_ydata()) == [11] * 4
    assert list(lines(residual)["resnet-56"].get_xdata()) == [1, 2, 3, 4]
    shade = plain.collections[1].get_paths()[0].vertices[:, 1]  # the test errors of plain-20
    assert (shade.min(), shade.max()) == (15, 17)
    assert sorted(said(plain)) == ["plain-20 16.0", "plain-56 46.0"]


def test_degradation_tells_test_from_training_and_depth_from_depth():
    plain, residual = (lines(ax) for ax in degradation(NETWORKS).axes)
    assert plain["plain-20"].get_linestyle() == "-" != plain["_plain-20 training"].get_linestyle()
    assert plain["plain-20"].get_linewidth() > plain["_plain-20 training"].get_linewidth()
    for look in ("get_color", "get_marker", "get_linewidth"):
        shallow, deep = (getattr(plain[name], look)() for name in ("plain-20", "plain-56"))
        assert shallow != deep
        assert getattr(residual["resnet-20"], look)() == shallow and getattr(residual["resnet-56"], look)() == deep


def test_panels_drawn_apart_keep_one_scale():
    both = degradation(NETWORKS).axes
    alone = [degradation(NETWORKS, [kind]).axes[0] for kind in ("plain", "residual")]
    assert len({ax.get_ylim() for ax in [*both, *alone]}) == 1
    assert both[0].get_ylim()[0] == 0 and both[0].get_ylim()[1] >= 47


def test_degradation_refuses_what_it_cannot_draw():
    good = NETWORKS[0]
    with pytest.raises(InputError, match="none of kind residual; pass kinds="):
        degradation([good])
    with pytest.raises(InputError, match=r"must be arrays \[seeds, epochs\] of one shape, got \(3, 4\) and \(3, 5\)"):
        degradation([Series("a", 20, "plain", good.train_error, np.zeros((3, 5)))])
    with pytest.raises(InputError, match=r"got \(4,\) and \(4,\); cut all seeds"):
        degradation([Series("a", 20, "plain", np.zeros(4), np.zeros(4))])
    with pytest.raises(InputError, match="plain or residual, got 'highway'"):
        degradation([Series("a", 20, "highway", good.train_error, good.test_error)])
    for wrong in (float("nan"), 101.0, -1.0):
        with pytest.raises(InputError, match="a: errors must be percent from 0 to 100"):
            degradation([Series("a", 20, "plain", good.train_error, np.full((3, 4), wrong))])


def test_labels_stand_apart_near_their_lines():
    assert _apart([0.2, 0.8], 0.1) == pytest.approx([0.2, 0.8])
    assert _apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert _apart([0.0, 0.0, 0.0], 0.1) == pytest.approx([0.0, 0.1, 0.2])
    assert _apart([0.99, 1.0], 0.1) == pytest.approx([0.9, 1.0])


def test_per_class_draws_the_worst_first_with_intervals():
    figure = per_class_accuracy([90.0, 50.0, 0.0], [10, 20, 0], ["cat", "dog", "unseen"])
    ax = figure.axes[0]
    assert list(lines(ax)["accuracy"].get_xdata()) == [50, 90]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["dog  (20)", "cat  (10)"]
    bar = ax.collections[0].get_segments()[0][:, 0]
    assert bar == pytest.approx([29.93, 70.07], abs=0.01)  # Wilson, 10 of 20
    assert "63.3 %" in ax.get_title(loc="left")  # (9 + 10) / 30 images
    assert ax.yaxis_inverted()


def test_per_class_of_many_classes_says_what_it_leaves_out():
    accuracies = [float(i % 100) for i in range(300)]
    ax = per_class_accuracy(accuracies, [5] * 300, [f"a class with the long name {i}" for i in range(300)]).axes[0]
    drawn = lines(ax)["accuracy"].get_xdata()
    assert len(drawn) == 40 and max(drawn) == 13
    assert "260 better classes not shown" in ax.get_xlabel()
    assert all(len(label.get_text()) < 30 for label in ax.get_yticklabels())


def test_per_class_refuses_what_it_cannot_draw():
    with pytest.raises(InputError, match="of equal number, got 1, 2 and 2"):
        per_class_accuracy([1.0], [1, 2], ["a", "b"])
    with pytest.raises(InputError, match="needs images, got none in any class"):
        per_class_accuracy([1.0], [0], ["a"])
