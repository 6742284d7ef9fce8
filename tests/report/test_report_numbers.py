from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residuum.report.numbers import percent
from residuum_runtime.intervals import wilson_interval


def test_wilson_gives_the_published_example():
    # Newcombe 1998 (Statistics in Medicine 17), table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for successes, total, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert wilson_interval(successes, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_holds_the_share_and_mirrors(total, share):
    successes = round(share * total)
    low, high = wilson_interval(successes, total)
    assert 0 <= low <= successes / total + 1e-12 and successes / total - 1e-12 <= high <= 1
    mirrored = wilson_interval(total - successes, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_nothing_is_known_without_trials():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_percent_writes_a_dash_for_what_is_no_number():
    assert percent(97.456) == "97.5 %"
    assert percent(99.6, 0) == "100 %"
    assert percent(math.nan) == "–"
