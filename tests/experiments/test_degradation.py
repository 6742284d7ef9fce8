"""The sentence is chosen by the numbers."""

import numpy as np

from residuum.experiments.degradation import answer, compared, differences, findings, tables


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
    found = findings(numbers(GOOD, BAD, GOOD, HALF))
    assert [finding.verdict for finding in found] == ["shown", "shown", "opposite shown"] * 2  # training, then test
    assert ["test accuracy" in finding.ours for finding in found] == [False] * 3 + [True, False, True]
    assert [f.verdict for f in findings(numbers(GOOD, GOOD, GOOD, GOOD))] == ["no effect larger than"] * 6


def test_depths_with_fewer_seeds_are_held_against_the_seeds_they_share():
    given = numbers(GOOD, BAD, GOOD, HALF)
    for kind in ("plain", "residual"):
        given["train"][f"{kind}-110"] = [[50.0, 9.0], [50.0, 10.0]]
    assert compared(given) == 56 and "From 20 to 56 layers" in answer(given)
    assert differences(given, "plain", 110).tolist() == [9 - 97, 10 - 98]
    assert differences(given, "residual", 56).tolist() == [-7, -7, -6.5]
    claims = [finding.claim for finding in findings({**given, "val": given["train"]})]
    assert len(claims) == 12 and claims[6] == "The deeper plain network trains worse (110 layers against 20)"
    (table,) = tables({**given, "val": given["train"]})
    assert table.rows[-1][-1] == "–" and "over 2 to 3 seeds" in table.caption
    assert {len(row) for row in table.rows} == {len(table.header)}


def test_the_table_has_every_seed():
    (table,) = tables(numbers(GOOD, BAD, GOOD, HALF))
    assert table.header == ["network", "training %", "validation %", "seed 0", "seed 1", "seed 2"]
    assert table.rows[1][0] == "plain-56" and table.rows[1][1] == f"{np.mean(BAD):.1f} ± {np.std(BAD, ddof=1):.1f}"
    assert [row[5] for row in table.rows] == ["99.0 / 99.0", "23.0 / 23.0", "99.0 / 99.0", "92.5 / 92.5"]
