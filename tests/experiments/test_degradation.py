"""The sentence is chosen by the numbers."""

import numpy as np

from residuum.experiments.degradation import answer, findings, tables


def numbers(plain20, plain56, residual20, residual56):
    curves = {
        network: [[50.0, accuracy] for accuracy in values]
        for network, values in zip(
            ("plain-20", "plain-56", "residual-20", "residual-56"),
            (plain20, plain56, residual20, residual56),
            strict=True,
        )
    }
    return {"data": "digits", "train": curves, "val": curves}


GOOD, BAD, HALF = [97, 98, 99], [20, 21, 23], [90, 91, 92.5]


def test_each_outcome_has_its_sentence():
    assert "not shown here" in answer(numbers(GOOD, GOOD, GOOD, GOOD))
    assert "not shown here" in answer(numbers(BAD, GOOD, GOOD, GOOD))
    assert "shows no such loss" in answer(numbers(GOOD, BAD, GOOD, GOOD))
    assert "residual twin only 6.8" in answer(numbers(GOOD, BAD, GOOD, HALF))
    assert "loses less (-76.7" in answer(numbers(GOOD, BAD, GOOD, BAD))
    assert "One run of each network shows nothing" in answer(numbers([97], [20], [97], [96]))


def test_each_claim_is_judged_by_its_own_interval():
    verdicts = [finding.verdict for finding in findings(numbers(GOOD, BAD, GOOD, HALF))]
    assert verdicts == ["shown", "shown", "opposite shown"]
    assert [f.verdict for f in findings(numbers(GOOD, GOOD, GOOD, GOOD))] == ["no effect larger than"] * 3


def test_the_table_has_every_seed():
    (table,) = tables(numbers(GOOD, BAD, GOOD, HALF))
    assert table.header == ["network", "training %", "validation %", "seed 0", "seed 1", "seed 2"]
    assert table.rows[1][0] == "plain-56" and table.rows[1][1] == f"{np.mean(BAD):.1f} ± {np.std(BAD, ddof=1):.1f}"
    assert [row[5] for row in table.rows] == ["99.0 / 99.0", "23.0 / 23.0", "99.0 / 99.0", "92.5 / 92.5"]
