"""Parameters and MACs of published models against the number that its source prints."""

import csv
from pathlib import Path

import pytest
from model_peers import on_meta

from residuum import create_model
from residuum.models import VARIANTS
from residuum.models.counts import count, count_parameters

UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}

with (Path(__file__).parents[1] / "golden" / "counts.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def agrees(measured, printed):
    """Equal to a number printed in full; else within one unit of the last digit printed, or within "~n%"."""
    number, _, percent = printed.partition(" ~")
    if number.isdigit():
        return measured == int(number)
    digits, unit = number[:-1], UNITS[number[-1]]
    value = float(digits) * unit
    decimals = len(digits.partition(".")[2])
    return abs(measured - value) <= (float(percent.rstrip("%")) / 100 * value if percent else unit / 10**decimals)


@pytest.mark.parametrize("row", ROWS, ids=[row["model"] for row in ROWS])
def test_counts_are_the_published_ones(row):
    model = on_meta(create_model, row["model"])
    assert row["parameters"] or row["macs"]
    assert row["source"]
    if printed := row["parameters"]:
        assert agrees(count_parameters(model), printed), printed
    if printed := row["macs"]:
        assert agrees(count(model, VARIANTS[row["model"]].input_shape).macs, printed), printed


def test_a_printed_number_is_held_to_its_last_digit():
    assert agrees(25_557_032, "25557032") and not agrees(25_557_033, "25557032")
    assert agrees(4_089_184_256, "4.089G") and not agrees(4_111_514_624, "4.089G")
    assert agrees(4_330_000_000, "4.35G ~1%") and not agrees(4_250_000_000, "4.35G ~1%")
