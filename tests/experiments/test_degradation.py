"""The sentence is chosen by the numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from residuum.experiments.degradation import Measured, Network, answer, measure, members, table
from residuum.experiments.members import train_members, training_seconds
from residuum.experiments.statistics import paired_difference


def measured(plain20, plain56, residual20, residual56):
    networks = [Network("plain", 20), Network("plain", 56), Network("residual", 20), Network("residual", 56)]
    accuracies = {
        network: np.array(values, dtype=float)[:, None]
        for network, values in zip(networks, (plain20, plain56, residual20, residual56), strict=True)
    }
    return Measured(accuracies, accuracies, "digits")


def test_each_outcome_has_its_sentence():
    good, bad, half = [97, 98, 99], [20, 21, 23], [90, 91, 92.5]
    assert "not shown here" in answer(measured(good, good, good, good))
    assert "not shown here" in answer(measured(bad, good, good, good))
    assert "shows no such loss" in answer(measured(good, bad, good, good))
    assert "residual twin only 6.8" in answer(measured(good, bad, good, half))
    assert "loses less (-76.7" in answer(measured(good, bad, good, bad))
    assert "One run of each network shows nothing" in answer(measured([97], [20], [97], [96]))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=9))
def test_the_interval_is_the_paired_t_test(pairs):
    a, b = np.array(pairs).T
    found = paired_difference(a, b)
    assert found.mean == pytest.approx((a - b).mean())
    if np.ptp(a - b) > 1e-6:
        expected = stats.ttest_rel(a, b).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        assert found.above(0) == (stats.ttest_rel(a, b).pvalue < 0.05 and found.mean > 0)


def test_members_are_runs_and_are_gone_on_with(tmp_path):
    chosen = members("digits", [8, 14], 2, epochs=1, batch_size=256, precision="fp32")
    assert len(chosen) == 8
    histories = dict(train_members(chosen, tmp_path))
    again = dict(train_members(chosen, tmp_path))
    assert histories == again
    assert {path.name for path in tmp_path.iterdir()} == set(chosen)
    assert training_seconds(tmp_path, chosen) > 0
    found = measure(histories, "digits")
    assert found.train[Network("plain", 14)].shape == (2, 1)
    assert found.val[Network("residual", 8)][1, 0] == histories["residual-8-seed1"][0]["val_acc1"]
    header, rows = table(found)
    assert header == ["network", "training %", "validation %"]
    assert [row[0] for row in rows] == ["plain-8", "plain-14", "residual-8", "residual-14"]
