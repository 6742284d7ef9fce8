"""A study from the call to its page, and again: the machinery, not the science."""

import json
import re
import subprocess
import sys
from html import escape
from types import SimpleNamespace

import pytest

from residuum.errors import InputError
from residuum.experiments import STUDIES, members
from residuum.experiments import budget as budgets
from residuum.experiments.form import Options, Workspace, read_json
from residuum.experiments.members import epochs_done, train_member, train_members, training_seconds, twins
from residuum.experiments.study import pick_study, run_study, study_data, write_pages

TINY = {"data": "digits[:64,:64]", "depths": (8, 14), "seeds": 2, "epochs": 1, "batch_size": 32}
ASKED = Options(**TINY)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a small degradation study, what it held, and what was told."""
    folder, told = tmp_path_factory.mktemp("study"), []
    return folder, run_study("degradation", TINY, folder, workers=1, tell=told.append), told


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_says_what_it_asks(name):
    study = STUDIES[name]
    for part in (study.QUESTION, study.SOURCE, study.COST, study.EXPECTED):
        assert part and part == part.strip()
    assert study.QUESTION.rstrip(".").count("?") >= 1 and study.DEFAULTS.seeds >= 3
    assert name.replace("-", "_") == study.__name__.rsplit(".", 1)[1]
    assert f"\nCommand    residuum study {name}" in study.__doc__
    for word in ("Question", "Cost", "Expected"):
        assert f"\n{word} " not in study.__doc__, f"{word.upper()} states it already"


def test_a_study_leaves_numbers_pictures_a_page_and_runs(finished):
    folder, held, told = finished
    assert read_json(folder / "study.json") == json.loads(json.dumps(held))
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "plan.json", "study.json", "degradation.html", *twins(ASKED),
        *(f"degradation-{kind}.{suffix}" for kind in ("plain", "residual") for suffix in ("png", "svg")),
    }  # fmt: skip
    assert held["members"] == len(twins(ASKED)) == 8 and held["seconds"] > 0
    assert escape(held["answer"]) in (folder / "degradation.html").read_text()
    assert held["repeat"].startswith("residuum study degradation --data 'digits[:64,:64]' --depths 8,14 --seeds 2")
    assert sum("/8" in line for line in told) == 8
    assert training_seconds(folder, twins(ASKED)) > 0 and epochs_done(folder, twins(ASKED)) == 8


def test_called_again_it_trains_nothing_and_finds_the_same(finished):
    folder, held, _ = finished
    before = {name: (folder / name / "timing.csv").stat().st_mtime_ns for name in twins(ASKED)}
    assert run_study("degradation", TINY, folder, workers=1, tell=lambda line: None) == held
    assert before == {name: (folder / name / "timing.csv").stat().st_mtime_ns for name in twins(ASKED)}


def test_more_seeds_adopt_the_runs_that_are_there(finished):
    folder, held, _ = finished
    more = run_study("degradation", {**TINY, "seeds": 3}, folder, workers=1, tell=lambda line: None)
    for network, curves in held["numbers"]["train"].items():
        assert more["numbers"]["train"][network][:2] == curves and len(more["numbers"]["train"][network]) == 3
    run_study("degradation", TINY, folder, workers=1, tell=lambda line: None)


def test_other_wishes_than_the_runs_were_made_with_are_refused(finished):
    folder, _, _ = finished
    with pytest.raises(InputError, match="batch_size: saved 32, asked 16"):
        run_study("degradation", {**TINY, "batch_size": 16}, folder, workers=1, tell=lambda line: None)
    other = {**twins(ASKED)["plain-8-seed0"], "threads": 1, "model_arguments": {"depth": 14}}
    with pytest.raises(
        InputError, match=r"holds another network \(depth: saved 8, asked 14\); choose another --output"
    ):
        train_member("", folder, "plain-8-seed0", other)


def test_members_trained_side_by_side_are_the_same_and_wait_for_one_another(finished, tmp_path):
    folder, _, _ = finished
    two = {name: twins(ASKED)[name] for name in ("plain-8-seed0", "residual-8-seed0")}
    two["plain-8-seed0"]["after"] = "residual-8-seed0"
    events = [event for event in train_members(two, tmp_path, workers=2) if not isinstance(event, int)]
    assert [name for name, _ in events] == ["residual-8-seed0", "plain-8-seed0"]
    for name in two:
        for file in ("summary.csv", "last.safetensors"):
            assert (tmp_path / name / file).read_bytes() == (folder / name / file).read_bytes()


def test_what_watches_a_member_is_kept_and_made_up_for(monkeypatch, tmp_path):
    watching = SimpleNamespace(watch=lambda model, dataset, epoch: {"norm": model.head.fc.weight.norm().item()})
    monkeypatch.setitem(STUDIES, "watching", watching)
    given = {"threads": 1, **twins(ASKED)["plain-8-seed0"], "epochs": 2}
    train_member("watching", tmp_path, "plain-8-seed0", given)
    rows = Workspace(tmp_path, ASKED).watched("plain-8-seed0")
    assert [row["epoch"] for row in rows] == [0, 1, 2] and len({row["norm"] for row in rows}) == 3
    (tmp_path / "plain-8-seed0" / members.WATCHED).write_text(json.dumps(rows[:2]))  # as if killed just before the look
    train_member("watching", tmp_path, "plain-8-seed0", given)
    assert Workspace(tmp_path, ASKED).watched("plain-8-seed0") == rows


def test_what_took_long_is_kept_until_the_options_change(tmp_path):
    calls = []
    compute = lambda: calls.append(1) or {"value": [1.5, None]}  # noqa: E731
    first, again = (Workspace(tmp_path, ASKED, tell=calls.append).keep("part", compute) for _ in range(2))
    assert first == again == {"value": [1.5, None]} and calls == ["measuring part", 1]
    Workspace(tmp_path, Options(), tell=calls.append).keep("part", compute)
    assert len(calls) == 4
    with pytest.raises(ValueError, match="not JSON compliant"):
        Workspace(tmp_path, ASKED).keep("bad", lambda: float("nan"))


def test_a_page_of_several_studies_is_made_from_their_numbers_alone(finished, tmp_path):
    folder, held, _ = finished
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "study.json").write_bytes((folder / "study.json").read_bytes())
    write_pages([folder, copy], tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count("<h2>Degradation</h2>") == 2
    assert (copy / "degradation-plain.png").read_bytes() == (folder / "degradation-plain.png").read_bytes()
    assert study_data(copy).answer == held["answer"]
    with pytest.raises(InputError, match="no finished study: it has no study.json; run `residuum study NAME --output"):
        study_data(tmp_path)


def test_the_budget_shortens_epochs_then_takes_fewer_pictures_and_says_so(monkeypatch):
    monkeypatch.setattr(budgets, "_seconds_a_picture", lambda dataset, settings: 0.01)
    study, options = STUDIES["degradation"], Options(depths=(8,), epochs=15)
    pictures = 1438 + 359 / 3  # six members of one depth
    minutes = 6 * pictures * 0.01 / 60 * 1.0001  # of an epoch
    assert budgets.fitted(study, options, 15 * minutes, 1).options == options
    assert budgets.fitted(study, options, 7.5 * minutes, 2).options == options
    assert budgets.fitted(study, options, 7.5 * minutes, 1).options.epochs == 7
    fewer = budgets.fitted(study, options, 2.5 * minutes, 1)
    assert (
        fewer.options.epochs == 3 and fewer.options.data == f"digits[:{round(1438 * 2.5 / 3)},:{round(359 * 2.5 / 3)}]"
    )
    assert fewer.options.seeds == 3 and "1,198 images and validated on 299" in fewer.notes[-1]
    least = budgets.fitted(study, options, 0.1 * minutes, 1)
    assert least.options.data == "digits[:1000,:250]" and "the least that the rule allows" in least.notes[-1]
    with pytest.raises(InputError, match="more than 0 minutes, got -1; leave it out"):
        budgets.fitted(study, options, -1, 1)


def test_a_fitted_study_keeps_its_plan(monkeypatch, tmp_path):
    small = {**TINY, "depths": (8,), "seeds": 1}
    monkeypatch.setattr(budgets, "_seconds_a_picture", lambda dataset, settings: 1e-9)
    first = run_study("degradation", small, tmp_path, budget=1, workers=1, tell=lambda line: None)
    monkeypatch.setattr(budgets, "_seconds_a_picture", lambda dataset, settings: 1e9)
    assert run_study("degradation", small, tmp_path, budget=1, workers=1, tell=lambda line: None) == first
    assert "the budget was 1" in first["notes"][0]


def test_wrong_wishes_are_named(tmp_path):
    with pytest.raises(InputError, match="no study is named 'degradtion'; did you mean degradation"):
        pick_study("degradtion")
    with pytest.raises(InputError, match="seeds must be at least 1, got 0"):
        run_study("degradation", {"seeds": 0}, tmp_path)
    with pytest.raises(InputError, match="epochs must be at least 1, got -1; leave it out"):
        run_study("degradation", {"epochs": -1}, tmp_path)


def test_the_form_loads_no_plotly():
    code = "import sys, residuum.experiments.study; assert 'plotly' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "number"), [("degradation", "train"), ("very-deep", "blocks"), ("very-deep", "milliseconds")]
)
def test_a_study_of_an_older_version_that_lacks_numbers_is_named(name, number, tmp_path):
    curves = {"train_loss": [[2.3, 1.9]], "train_acc1": [[10.0, 30.0]], "val_acc1": [[9.0, 25.0]]}
    network = {"residual-8": curves, "plain-8": curves}
    numbers = {"curves": network, "classes": 10, "steps": 4, "kib": dict.fromkeys(network, 3.0),
               "milliseconds": {kind: [1.0] for kind in network},
               "blocks": {kind: [[2.3, 2.0, 1.9, 1.8]] for kind in network}}  # fmt: skip
    numbers.pop(number, None)
    held = {"study": name, "residuum": "0.1.0", "numbers": numbers, "repeat": f"residuum study {name}", "notes": []}
    (tmp_path / "study.json").write_text(json.dumps(held))
    again = f"run `residuum study {name} --output {tmp_path}` again"
    with pytest.raises(InputError, match=rf"Residuum 0\.1\.0 did not measure '{number}'; {re.escape(again)}"):
        write_pages([tmp_path], tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]
