"""A study measures the runs of another one, or says by name why it cannot."""

import pytest

from residuum.errors import InputError
from residuum.experiments import effective_depth
from residuum.experiments.adopting import adopted_histories
from residuum.experiments.form import Options, Workspace, read_json
from residuum.experiments.members import twins, warmed
from residuum.experiments.study import run_study

TINY = {"data": "digits[:64,:64]", "depths": (8, 14), "seeds": 1, "seeds_of": ((8, 2),), "epochs": 3, "batch_size": 32}


def quiet(line):
    """Say nothing."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return the folder of a degradation study with two seeds of 8 layers and one of 14."""
    folder = tmp_path_factory.mktemp("runs")
    run_study("degradation", TINY, folder, workers=1, tell=quiet)
    return folder


def test_depths_have_their_own_seeds_and_the_command_repeats_them(runs):
    held = read_json(runs / "study.json")
    assert held["members"] == 6 and "--depths 8:2,14 --seeds 1" in held["repeat"]
    assert {network: len(seeds) for network, seeds in held["numbers"]["train"].items()} == {
        "plain-8": 2, "plain-14": 1, "residual-8": 2, "residual-14": 1}  # fmt: skip
    again = run_study("degradation", TINY, runs, workers=1, tell=quiet)
    assert again["numbers"] == held["numbers"] and again["options"]["seeds_of"] == ((8, 2),)


@pytest.mark.parametrize("name", ["lesions", "responses", "paths", "effective-depth"])
def test_a_study_measures_them_without_training_or_copying(runs, name, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
    held = run_study(name, {**TINY, "runs": str(runs)}, tmp_path, workers=1, tell=quiet)
    assert held["answer"] and f"--runs {runs}" in held["repeat"] and held["seconds"] > 0
    assert not list(tmp_path.rglob("*.safetensors")) and (tmp_path / f"{name}.html").exists()
    assert before == {path: path.stat().st_mtime_ns for path in runs.rglob("*")}


def test_what_is_watched_is_measured_on_the_weights_that_each_epoch_left(runs, tmp_path):
    options = Options(**{**TINY, "runs": str(runs)})
    members = effective_depth.members(options)
    assert set(members) == {"residual-8-seed0", "residual-8-seed1", "residual-14-seed0"}
    adopted_histories(effective_depth, members, runs, tmp_path)
    rows = Workspace(tmp_path, options).watched("residual-14-seed0")
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3] and len({row["depth"] for row in rows}) == 4
    trained = effective_depth.watch(Workspace(tmp_path, options).model("residual-14-seed0"), options_data(options), 3)
    assert rows[3]["depth"] == pytest.approx(trained["depth"])


def options_data(options):
    """Open the study's data."""
    return Workspace(None, options).dataset()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"batch_size": 16}, r"plain-8-seed0 has other settings \(batch_size: saved 32, asked 16\); give the options"),
        ({"depths": (8, 20)}, "must hold a run named plain-20-seed0, but .* is none; leave --runs out"),
        ({"epochs": 4}, "has other settings .epochs: saved 3, asked 4"),
        ({"model": "x.safetensors"}, "--runs and --model both select the networks to measure"),
        ({"runs": "nowhere"}, "--runs must be the folder of a finished study, but nowhere is not a folder"),
        ({"seeds_of": ((8, 0),)}, "a depth needs at least 1 seed, got 8:0"),
        ({"only": ("A",)}, "--only names 'A', which is not a condition of this study; this study offers no choice"),
    ],
)
def test_what_does_not_match_is_refused_by_name(runs, asked, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run_study("lesions", {**TINY, "runs": str(runs), **asked}, tmp_path, tell=quiet)


def test_unfinished_runs_and_epochs_that_were_not_kept_are_refused(runs, tmp_path):
    import shutil

    copy = shutil.copytree(runs, tmp_path / "copy")
    options = Options(**{**TINY, "runs": str(copy)})
    (copy / "residual-8-seed1" / "epochs" / "0002.safetensors").unlink()
    with pytest.raises(InputError, match="residual-8-seed1 kept no weights of epoch 2, which this study needs"):
        adopted_histories(effective_depth, effective_depth.members(options), copy, tmp_path / "out")
    rows = (copy / "residual-8-seed0" / "summary.csv").read_text().splitlines(keepends=True)
    (copy / "residual-8-seed0" / "summary.csv").write_text("".join(rows[:-1]))
    with pytest.raises(InputError, match="residual-8-seed0 has 2 of 3 epochs; finish its study"):
        adopted_histories(effective_depth, effective_depth.members(options), copy, tmp_path / "out")


def test_studies_whose_depths_share_their_seeds_refuse_others(tmp_path):
    with pytest.raises(InputError, match="gives each depth the same number of seeds; use --seeds"):
        run_study("shortcuts", {**TINY, "depths": (8,)}, tmp_path, tell=quiet)


def test_110_layers_are_warmed_up_as_published():
    assert warmed(56) == {} and warmed(110) == {"warmup_epochs": 1.025, "warmup_lr": 0.01}
    members = twins(Options(depths=(20, 110), seeds=3, seeds_of=((110, 1),)))
    assert len(members) == 8 and members["plain-110-seed0"]["warmup_lr"] == 0.01
    assert "warmup_lr" not in members["plain-20-seed2"]
