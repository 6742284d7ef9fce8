"""What a study would cost and could see, before it runs."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from residuum.experiments import STUDIES, planning
from residuum.experiments.form import Options
from residuum.experiments.planning import earlier_study, expected_half, plan_study
from residuum.experiments.statistics import Interval, Matters, judged, judged_pairs, mean_interval


def held(folder, name="degradation", data="digits", seeds=3, **numbers):
    folder.mkdir()
    found = {"study": name, "options": {"data": data, "seeds": seeds}, "numbers": numbers}
    (folder / "study.json").write_text(json.dumps(found))
    return folder


def test_more_seeds_narrow_the_interval_as_repeated_draws_do():
    """Against draws: the mean half-width over many samples of 8, from that over many samples of 3."""
    draws = np.random.default_rng(0)
    halves = {n: np.sqrt(np.mean([half(draws.normal(size=n)) ** 2 for _ in range(4000)])) for n in (3, 8)}
    assert expected_half(halves[3], 3, 8) == pytest.approx(halves[8], rel=0.04)
    assert expected_half(1.5, 4, 4) == pytest.approx(1.5)


def half(values):
    return (mean_interval(values).high - mean_interval(values).low) / 2


def test_the_earlier_study_is_of_that_name_that_data_and_the_most_seeds(tmp_path):
    folders = [
        held(tmp_path / "other", name="lesions", seeds=9),
        held(tmp_path / "single", seeds=1),
        held(tmp_path / "three", seeds=3),
        held(tmp_path / "five", seeds=5),
        held(tmp_path / "cifar", data="cifar10[:1000]", seeds=2),
        tmp_path / "missing",
    ]
    assert earlier_study("degradation", "digits[:64]", folders).parent.name == "five"
    assert earlier_study("degradation", "cifar10", folders).parent.name == "cifar"
    assert earlier_study("paths", "digits", folders) is None


def test_a_plan_counts_runs_and_minutes_and_says_what_could_be_seen(tmp_path, monkeypatch):
    claims = {
        "wide": judged_pairs("wide", "–", [0.0, 5.0, 10.0], "above", Matters(5.0, "s")),
        "hopeless": judged_pairs("hopeless", "–", [0.0, 50.0, 100.0], "above", Matters(0.1, "s")),
        "images": judged("images", "–", Interval(1, 0, 2), "above", Matters(2.0, "s")),
        "single": judged_pairs("single", "–", [1.0], "above", Matters(2.0, "s")),
    }
    study = SimpleNamespace(
        members=STUDIES["degradation"].members, findings=lambda numbers: [claims[name] for name in numbers["claims"]]
    )
    monkeypatch.setattr(planning, "foreseen_minutes", lambda study, options, workers: 120 / workers)
    options = Options(data="digits[:64,:64]", depths=(8, 14), seeds=5, epochs=3)
    plan = plan_study(study, "degradation", options, 2, [held(tmp_path / "s", claims=list(claims))])
    assert (plan.runs, plan.epochs, plan.minutes, plan.seeds) == (20, 60, 60, 5)
    assert plan.earlier == str(tmp_path / "s")
    wide, hopeless, images = plan.findings
    assert wide.half == pytest.approx(expected_half(half([0.0, 5.0, 10.0]), 3, 5))
    assert not wide.enough and wide.half > 5
    assert expected_half(half([0.0, 5.0, 10.0]), 3, wide.seeds_needed) <= 5
    assert expected_half(half([0.0, 5.0, 10.0]), 3, wide.seeds_needed - 1) > 5
    assert hopeless.seeds_needed is None and images.enough and images.half == 1
    alone = plan_study(study, "degradation", Options(depths=(8,), seeds=1, epochs=1), 1, [tmp_path / "s"])
    assert math.isinf(alone.findings[0].half) and not alone.findings[0].enough
    assert plan_study(study, "degradation", options, 2, [tmp_path]).findings == []


def test_an_interval_over_blocks_is_not_taken_for_one_over_seeds():
    layers = ["stem.conv", *(f"stages.0.{block}.branch.conv{place}" for block in (0, 1) for place in (1, 2))]
    one = {"layers": layers, "closes": [False, False, True, False, True], "deviations": [1.0, 1.0, 0.8, 1.0, 0.7]}
    subjects = {f"residual-8-seed{seed}": one for seed in range(2)}
    (blocks,) = STUDIES["responses"].findings({"subjects": subjects})
    assert "the last layer of a block" in blocks.claim and blocks.half is not None
    assert blocks.seeds == 0 and "4 of 4 on the claimed side" in blocks.ours
