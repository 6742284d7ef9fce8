from __future__ import annotations

import pytest

from residuum.errors import InputError
from residuum.report.page import page
from residuum.report.watching import Watched, watched_figures, watched_section

STEPS = [{"step": n, "lr": 0.1, "loss": 1.0, "grad_norm": 1 + n % 2} for n in range(10)]
EPOCHS = [{"epoch": n, "weight_norm": 20 + n} for n in (1, 2)]
TIMING = [{"epoch": n, "images_per_second": 900.0} for n in (1, 2)]


def values(figure):
    (line,) = figure.axes[0].lines
    return list(line.get_xdata()), list(line.get_ydata())


def test_what_was_written_is_drawn():
    drawn = watched_figures(Watched(STEPS, EPOCHS, TIMING))
    assert list(drawn) == ["Learning rate", "Norm of the gradient", "Norm of the weights", "Images per second"]
    assert values(drawn["Norm of the gradient"]) == (list(range(10)), [1, 2] * 5)
    assert values(drawn["Norm of the weights"]) == ([1, 2], [21, 22])
    assert drawn["Images per second"].axes[0].get_ylim()[0] == 0


def test_what_was_not_written_is_left_out(read_page):
    assert list(watched_figures(Watched(epochs=[{"epoch": 1}], timing=TIMING))) == ["Images per second"]
    root = read_page(page("A page", [watched_section(Watched(STEPS))]))
    assert len(root.all("svg")) == 2
    with pytest.raises(InputError, match="needs rows of steps or epochs, got none"):
        watched_section(Watched(epochs=[{"epoch": 1}]))


def test_many_steps_are_gathered_into_blocks():
    """Blocks of four: 0 1 2 3, 4 5 6 7, ...; the median of each over the band from its least to its largest."""
    steps = [{"step": n, "grad_norm": float(n)} for n in range(1200)]
    figure = watched_figures(Watched(steps))["Norm of the gradient"]
    x, y = values(figure)
    assert len(x) == 300
    assert (x[:2], y[:2]) == ([1.5, 5.5], [1.5, 5.5])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {0.0, 3.0, 4.0, 7.0} <= set(band[:, 1].tolist())


def test_a_leap_gets_a_log_axis_and_what_is_not_finite_a_gap():
    leaping = [{"step": n, "grad_norm": 1e4 if n == 5 else 1.0} for n in range(10)]
    assert watched_figures(Watched(leaping))["Norm of the gradient"].axes[0].get_yscale() == "log"
    broken = [{"step": n, "grad_norm": float("inf") if n == 5 else 1.0} for n in range(10)]
    figure = watched_figures(Watched(broken))["Norm of the gradient"]
    assert figure.axes[0].get_yscale() == "linear"
    assert values(figure)[1][5] != values(figure)[1][5]


@pytest.mark.parametrize(
    ("rates", "drawn"),
    [
        ([900.0, 800.0, 0.0], ([1, 2], [900, 800])),
        ([900.0, 0.0, 700.0], ([1, 3], [900, 700])),
        ([0.0, 5.0], ([2], [5])),
    ],
)
def test_an_epoch_that_was_not_timed_is_left_out(rates, drawn):
    timing = [{"epoch": n, "images_per_second": rate} for n, rate in enumerate(rates, 1)]
    assert values(watched_figures(Watched(timing=timing))["Images per second"]) == drawn


def test_a_run_of_which_no_epoch_was_timed_has_no_figure_of_its_rate():
    timing = [{"epoch": 1, "images_per_second": 0.0}, {"epoch": 2, "images_per_second": float("nan")}]
    assert watched_figures(Watched(timing=timing)) == {}
    assert "Learning rate" in watched_figures(Watched([{"step": n, "lr": 0.1 - n / 10} for n in range(2)]))


def test_steps_and_epochs_are_marked_by_whole_numbers():
    for figure in watched_figures(Watched(STEPS[:2], EPOCHS, TIMING)).values():
        assert all(place == int(place) for place in figure.axes[0].get_xticks())
