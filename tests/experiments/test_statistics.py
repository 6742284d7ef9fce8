import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from residuum.evaluation import bootstrap as resampling
from residuum.experiments import lesions
from residuum.experiments.statistics import (
    Interval,
    Matters,
    bootstrap,
    judged,
    judged_pairs,
    mean_interval,
    paired_difference,
    sign_test,
)
from residuum.report.study_page import TOO_WEAK
from residuum.seeds import generator


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=9))
def test_the_interval_is_the_paired_t_test(pairs):
    a, b = np.array(pairs).T
    found = paired_difference(a, b)
    assert found.mean == pytest.approx((a - b).mean())
    if np.ptp(a - b) > 1e-6:
        expected = stats.ttest_rel(a, b).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        assert found.above(0) == (stats.ttest_rel(a, b).pvalue < 0.05 and found.mean > 0)


def test_one_run_tells_no_interval():
    for interval in (mean_interval([3.0]), bootstrap([3.0])):
        assert interval.mean == 3 and math.isinf(interval.low) and math.isinf(interval.high)


def test_the_bootstrap_finds_the_interval_of_a_mean():
    values = np.random.default_rng(0).normal(5, 2, 400)
    found, expected = bootstrap(values), mean_interval(values)
    assert found == bootstrap(values), "the same values give the same interval"
    assert found == pytest.approx(expected, abs=0.03)


def test_the_bootstrap_draws_on_the_named_stream():
    """The same images are drawn as for the intervals of an evaluation."""
    values = np.random.default_rng(1).normal(0, 1, 50)
    ((low, high),) = resampling.bootstrap(torch.from_numpy(values)[:, None])
    assert bootstrap(values) == (pytest.approx(values.mean()), pytest.approx(low), pytest.approx(high))
    draw = generator(0, "resample")
    means = [values[torch.randint(0, 50, (50,), generator=draw).numpy()].mean() for _ in range(resampling.RESAMPLES)]
    assert (low, high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_the_bootstrap_of_rows_keeps_them_together():
    rows = np.column_stack([np.arange(30.0), np.arange(30.0) ** 3])
    interval = bootstrap(rows, lesions._rank_correlation, draws=50)
    assert interval == pytest.approx((1, 1, 1)), "what rises together in the whole does so in every part"


def test_the_rank_correlation_is_spearmans():
    """Ties have the mean of their ranks: 1, 2.5, 2.5, 4 beside 1, 3, 2, 4."""
    rows = np.array([[0.1, 5.0], [0.2, 80.0], [0.2, 7.0], [9.0, 90.0]])
    expected = np.corrcoef([1, 2.5, 2.5, 4], [1, 3, 2, 4])[0, 1]
    assert lesions._rank_correlation(rows) == pytest.approx(expected)
    assert lesions._rank_correlation(rows * [1, -1]) == pytest.approx(-expected)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(3.123, -56.4, 62.7), "3 (-56 to 63)"),
        (Interval(1.00314, 1.0011, 1.0052), "1.0031 (1.0011 to 1.0052)"),
        (Interval(-0.1049, -0.398, 0.187), "-0.10 (-0.40 to 0.19)"),
        (Interval(-0.2, -12.4, 11.1), "0 (-12 to 11)"),
        (Interval(12.3456, 12.3456, 12.3456), "12.3"),
        (Interval(12.3456, -math.inf, math.inf), "12.3"),
    ],
)
def test_an_interval_is_told_as_finely_as_it_is_wide(interval, text):
    assert interval.text() == text


def test_the_sign_test_leaves_ties_out():
    assert sign_test([1, 2, 3, 0]) == pytest.approx(0.25)
    assert sign_test([1, 2, 3, 4, 5, -1]) == pytest.approx(stats.binomtest(5, 6).pvalue)
    assert sign_test([0, 0]) == 1


MATTERS = Matters(2.0, "a table")


@pytest.mark.parametrize(
    ("interval", "side", "verdict"),
    [
        (Interval(2, 1, 3), "above", "✓ shown"),
        (Interval(2, 1, 3), "below", "✗ opposite shown"),
        (Interval(-2, -3, -1), "below", "✓ shown"),
        (Interval(0.5, -1, 2), "above", "≈ no effect larger than 2 points"),
        (Interval(0.5, -1, 1.25), "below", "≈ no effect larger than 1.2 points"),
        (Interval(0.5, -1, 2.01), "above", "? too weak to say"),
        (Interval(-0.5, -2.01, 1), "above", "? too weak to say"),
        (Interval(2, -math.inf, math.inf), "above", "? too weak to say"),
    ],
)
def test_the_interval_and_the_smallest_effect_that_matters_decide_the_verdict(interval, side, verdict):
    assert judged("claim", "–", interval, side, MATTERS).words == verdict
    moved = Interval(*(value + 7 for value in interval))
    assert judged("claim", "–", moved, side, MATTERS, bound=7).words == verdict, "distances count from the bound"


def test_a_finding_says_effect_unit_signs_and_what_would_matter():
    found = judged("claim", "–", Interval(2.5, 1, 4), "above", MATTERS, bound=1.5, unit="%", pairs=[1, 2, 3])
    assert found.verdict == TOO_WEAK, "the bound lies inside, and 2.5 from it is more than 2"
    assert found.ours == "2.5 (1.0 to 4.0) %; 2 of 3 on the claimed side (sign test p = 1)"
    assert found.matters == "2 %: a table" and found.half == 1.5 and found.seeds == 0
    single = judged("c", "–", Interval(2, -math.inf, math.inf), "above", MATTERS)
    assert "one run has no interval" in single.ours and single.half is None
    assert "less than would matter" in judged("c", "–", Interval(0.2, 0.1, 0.3), "above", MATTERS).ours
    assert "less than would matter" not in judged("c", "–", Interval(2, 1, 3), "above", MATTERS).ours
    assert judged_pairs("c", "–", [1.0, 2.0, 4.0], "above", MATTERS).seeds == 3
