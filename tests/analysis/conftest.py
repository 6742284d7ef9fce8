"""Twins and real digits for the analyses."""

import pytest
from small_networks import small

from residuum.analysis.sample import take_sample


@pytest.fixture
def residual():
    return small(depth=14, widths=(4, 8, 8))


@pytest.fixture
def plain():
    return small("cifar_plain", depth=14, widths=(4, 8, 8))


@pytest.fixture
def digits(residual):
    return take_sample(residual, "digits", count=64)
