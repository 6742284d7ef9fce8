"""Where two runs part."""

import json
import shutil
import subprocess
import sys

import pytest
import typer

from residuum.cli.diff import _apart
from residuum.cli.diff import diff as diff_command
from residuum.errors import InputError
from residuum.runs.diff import diff_runs
from residuum.training import new_run, train

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2,
         "batch_size": 512, "precision": "fp32", "threads": 1}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a folder of four runs: two twins, and two whose rates part at step 2."""
    folder = tmp_path_factory.mktemp("runs")
    for name, more in (("a", {}), ("twin", {}), ("other", {"sched": "step"}), ("base", {"sched": "constant"})):
        list(train(new_run(folder / name, {**SMALL, **more}), report=False))
    return folder


def copied(runs, tmp_path, name="a"):
    shutil.copytree(runs / name, tmp_path / "copy")
    return tmp_path / "copy"


def test_twins_are_the_same_to_the_bit(runs):
    found = diff_runs(runs / "a", runs / "twin")
    assert found.same
    assert found.steps.rows == (4, 4)
    assert found.epochs.rows == (2, 2)
    assert (found.configuration, found.data, found.environment) == ({}, {}, {})
    assert all(weights.sha256[0] for weights in found.weights.values())


def test_the_first_step_that_differs_is_found(runs):
    """A staircase falls after half of the run: steps 0 and 1 of 4 are those of a constant rate."""
    found = diff_runs(runs / "base", runs / "other")
    assert not found.same
    assert found.configuration == {"sched": ("constant", "step")}
    assert found.steps.first == 2
    assert set(found.steps.columns) == {"lr"}  # the gradient at step 2 is still the same
    assert found.epochs.first == 2
    last = found.weights["last.safetensors"]
    assert last.sha256[0] != last.sha256[1]
    assert "stem.conv.weight" in last.tensors
    assert 0 < last.largest < 1


def test_a_shorter_run_is_the_same_as_far_as_it_goes(runs, tmp_path):
    copy = copied(runs, tmp_path)
    lines = (copy / "steps.csv").read_text().splitlines(keepends=True)
    (copy / "steps.csv").write_text("".join(lines[:-1]))
    found = diff_runs(runs / "a", copy)
    assert not found.same
    assert (found.steps.rows, found.steps.first, found.steps.columns) == ((4, 3), 3, {})


def test_an_old_run_has_no_steps_and_no_environment(runs, tmp_path):
    copy = copied(runs, tmp_path)
    (copy / "steps.csv").unlink()
    (copy / "environment.json").unlink()
    (copy / "last.safetensors").unlink()
    found = diff_runs(copy, runs / "a")
    assert found.steps.rows == (None, 4)
    assert found.steps.same
    assert found.environment == {}
    assert found.weights["last.safetensors"].sha256[0] is None
    assert not found.same


def test_another_environment_is_told_and_is_no_difference(runs, tmp_path):
    copy = copied(runs, tmp_path)
    noted = json.loads((copy / "environment.json").read_text())
    noted["parts"][0]["torch"] = "2.9.0"
    noted["parts"].append({**noted["parts"][0], "from_step": 2})
    (copy / "environment.json").write_text(json.dumps(noted))
    found = diff_runs(runs / "a", copy)
    assert found.environment["torch"][1] == "2.9.0"
    assert found.environment["moved at step"] == ([], [2])
    assert found.same


def test_other_data_is_a_difference(runs, tmp_path):
    copy = copied(runs, tmp_path)
    noted = json.loads((copy / "environment.json").read_text())
    noted["data"]["train"] = 1436
    (copy / "environment.json").write_text(json.dumps(noted))
    found = diff_runs(runs / "a", copy)
    assert found.data == {"train": (1438, 1436)}
    assert not found.same


def test_what_is_no_run(runs, tmp_path):
    with pytest.raises(InputError, match=r"is no run: it has no config\.yaml"):
        diff_runs(runs / "a", tmp_path)


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "residuum", "diff", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_the_command_says_where_they_part(runs):
    same = command(runs / "a", runs / "twin")
    assert (same.returncode, same.stderr) == (0, "")
    assert same.stdout.endswith("identical to the bit\n")
    parted = command(runs / "base", runs / "other")
    assert parted.returncode == 1
    assert "differ from step 2: lr 0.1 | 0.01" in parted.stdout
    assert "sched           constant | step" in parted.stdout
    assert parted.stdout.endswith("they differ from step 2\n")
    told = command(runs / "base", runs / "other", "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout)["steps"] == {
        "rows": [4, 4],
        "first": 2,
        "columns": {"lr": ["0.1", "0.010000000000000002"]},
    }


def test_what_changes_no_number_is_said_to_change_none(runs, tmp_path, capsys):
    list(train(new_run(tmp_path / "licensed", {**SMALL, "licence": "MIT"}), report=False))
    with pytest.raises(typer.Exit) as ended:
        diff_command(runs / "a", tmp_path / "licensed")
    assert ended.value.exit_code == 1
    printed = capsys.readouterr().out
    assert "licence         unspecified | MIT" in printed
    assert "equal numbers; the descriptions differ" in printed
    assert printed.endswith("their settings differ, their numbers are equal\n")


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("0.0008000000000000007", "0.0005000000000000004", "0.0008 | 0.0005"),
        (0.12345678, 0.12345679, "0.12345678 | 0.12345679"),
        ("0.1", "0.10000000000000002", "0.10000000000000001 | 0.10000000000000002"),
        ("constant", "0.5", "constant | 0.5"),
        (None, 3.0, "None | 3.0"),
    ],
)
def test_numbers_are_printed_with_as_many_digits_as_part_them(one, other, said):
    assert _apart(one, other) == said
