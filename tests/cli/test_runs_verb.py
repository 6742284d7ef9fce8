"""``residuum runs`` on folders as training leaves them, with summaries whose numbers are known."""

import json
import re
import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from residuum.cli import app
from residuum.errors import InputError
from residuum.runs.compared import differing_settings, find_runs, in_order
from residuum.training import new_run
from residuum.training.result import Result, write_result

HEADER = "epoch,lr,train_loss,train_acc1,val_loss,val_acc1,val_acc5\n"
SMALL = {"data": "digits", "model": "cifar_resnet", "epochs": 3, "precision": "fp32", "threads": 1, "kernels": "plain"}


def make(folder, accuracies, seconds=60, depth=8, **given):
    new_run(folder, {**SMALL, "model_arguments": {"depth": depth}, **given})
    rows = [f"{e},0.1,{2 / e:.6g},{a + 1},{1.5},{a},99\n" for e, a in enumerate(accuracies, 1)]
    if rows:
        (folder / "summary.csv").write_text(HEADER + "".join(rows))
        times = [f"{e},{seconds},100\n" for e in range(1, len(rows) + 1)]
        (folder / "timing.csv").write_text("epoch,seconds,images_per_second\n" + "".join(times))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    make(root / "a", [50, 80, 70], lr=0.1)
    make(root / "deep" / "b", [60, 90], lr=0.1, depth=14, seconds=30)
    make(root / "c", [85], lr=0.2)
    make(root / "waiting", [])
    write_result(root / "a", Result(2, "the best of 3", "every fifth image", 359, 81.5, 99.0, 0.5))
    (root / "broken").mkdir()
    (root / "broken" / "config.yaml").write_text("speed: 3\n")
    return root


def run(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_runs_are_compared_for_programs(folder):
    found = json.loads(run("runs", folder, "--json").stdout)
    assert [entry["run"] for entry in found["runs"]] == ["deep/b", "c", "a", "waiting"]
    assert found["differing"] == ["lr", "depth"]
    b, _, a, waiting = found["runs"]
    assert (a["best_val_acc1"], a["best_epoch"], a["last_val_acc1"], a["result_acc1"]) == (80, 2, 70, 81.5)
    assert (b["epochs"], b["of"], b["seconds"], b["result_acc1"]) == (2, 3, 60, None)
    assert (b["last_train_acc1"], b["last_train_loss"]) == (91, 1)
    assert (a["settings"], b["settings"]) == ({"lr": 0.1, "depth": 8}, {"lr": 0.1, "depth": 14})
    assert waiting["best_val_acc1"] is None
    assert not (folder / "runs.png").exists()


def test_runs_are_compared_for_people(folder, tmp_path):
    done = run("runs", folder, "--output", tmp_path / "picture.png")
    table = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    assert table[0] == ["run", "epochs", "best %", "at", "last %", "train %", "result %", "minutes", "lr", "depth"]
    assert table[1] == ["deep/b", "2/3", "90.00", "2", "90.00", "91.00", "–", "1.0", "0.1", "14"]
    assert table[3] == ["a", "3/3", "80.00", "2", "70.00", "71.00", "81.50", "3.0", "0.1", "8"]
    assert table[4][:6] == ["waiting", "0/3", "–", "–", "–", "–"]
    assert "broken is left out" in done.stderr and "missing or unknown" in done.stderr
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("last", ["deep/b", "c", "a", "waiting"]),
        ("result", ["a", "c", "deep/b", "waiting"]),
        ("epochs", ["a", "deep/b", "c", "waiting"]),
        ("time", ["waiting", "c", "deep/b", "a"]),
        ("name", ["a", "c", "deep/b", "waiting"]),
    ],
)
def test_runs_are_sorted(folder, by, expected):
    assert [one.name for one in in_order(find_runs(folder)[0], by)] == expected


def test_one_run_is_its_own_folder(folder):
    (only,), refused = find_runs(folder / "a")
    assert (only.name, only.epochs, refused) == ("a", 3, [])
    assert differing_settings([only]) == []


def test_a_run_of_the_first_version_is_read(tmp_path):
    shutil.copytree(Path(__file__).parents[1] / "data" / "run_v1", tmp_path / "old")
    assert find_runs(tmp_path)[0][0].epochs == 1


def test_a_pipe_has_a_column_for_each_setting_that_differs(tmp_path):
    make(tmp_path / "a", [50])
    more = {
        "lr": 0.2,
        "seed": 1,
        "momentum": 0.8,
        "weight_decay": 0.1,
        "batch_size": 8,
        "epochs": 4,
        "pad": 0,
        "flip": True,
    }
    make(tmp_path / "b", [60], **more)
    printed = run("runs", tmp_path).stdout
    assert printed.splitlines()[0].count("epochs") == 1
    header, *rows = [line.split("\t") for line in printed.splitlines() if "\t" in line]
    assert header[8:] == ["batch_size", "lr", "momentum", "weight_decay", "pad", "flip", "seed"]
    assert rows[0][8:] == ["8", "0.2", "0.8", "0.1", "0", "True", "1"]
    assert (tmp_path / "runs.png").exists()


LONG = "photographs-of-the-garden-resnet50-lr0.05-wd0.0005-batch64-mixup0.2-seed3"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    root = tmp_path_factory.mktemp("many")
    make(root / "plain", [50, 80, 70])
    make(root / "odd", [61, float("nan")], lr=0.3, seed=7, momentum=0.8, weight_decay=0.1, batch_size=8, flip=True)
    make(root / "Übung-猫" / "diverged", [float("nan"), float("nan")], lr=0.3)
    make(root / LONG, [30])
    make(root / "interrupted", [])
    for seed in range(3):
        make(root / f"sweep-{seed}", [40 + seed], seed=seed)
    return root


def on_terminal(folder, width):
    """What a terminal of that many columns shows, and the width of its widest line."""
    seen = {"FORCE_COLOR": "1", "COLUMNS": str(width)}
    done = CliRunner().invoke(app, ["runs", str(folder), "-o", str(folder / "x.png")], env=seen, catch_exceptions=False)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in done.stdout.splitlines()]
    return lines, max(cell_len(line) for line in lines if not line.startswith("see "))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_terminal_has_a_table_of_its_width_and_a_line_for_each_setting(many, width):
    lines, widest = on_terminal(many, width)
    assert widest <= width
    settings = lines[lines.index("Settings that differ:") + 1 :]
    assert "batch_size: 8 (odd), 64 (the 7 others)" in settings
    assert "lr: 0.3 (odd, Übung-猫/diverged), 0.05 (the 6 others)" in settings
    seeds = " ".join(settings[[s.split(":")[0] for s in settings].index("seed") :])
    assert "7 (odd), 2 (sweep-2), 1 (sweep-1), 0 (the 5 others)" in re.sub(" +", " ", seeds)
    assert next(line for line in lines if line.startswith("plain")).split()[:3] == ["plain", "3/3", "80.00"]
    assert next(line for line in lines if "diverged" in line).split()[1:3] == ["2/3", "–"]


def test_a_narrow_terminal_leaves_columns_out_and_names_them(many):
    wide, _ = on_terminal(many, 140)
    assert wide[0].split("  ")[0] == "run" and "train %" in wide[0] and not any("left out" in line for line in wide)
    narrow, widest = on_terminal(many, 60)
    assert "train %" not in narrow[0] and "best %" in narrow[0] and widest <= 60
    assert "left out at 60 columns: at, last %, train %" in " ".join(narrow)
    assert LONG in "".join(line.split("  ")[0].strip() for line in narrow[1:])


def test_names_stay_whole_where_they_fit_beside_the_numbers(folder):
    lines, widest = on_terminal(folder, 80)
    assert re.split(" {2,}", lines[0]) == ["run", "epochs", "best %", "at", "last %", "train %", "result %", "minutes"]
    assert widest <= 80
    assert "lr: 0.1 (deep/b, a), 0.2 (c), 0.05 (waiting)" in lines


def test_runs_that_were_not_validated_sort_last_and_have_no_number(many):
    assert in_order(find_runs(many)[0], "last")[0].name == "plain"
    found = json.loads(run("runs", many, "--json").stdout, parse_constant=pytest.fail)["runs"]
    diverged = next(entry for entry in found if entry["run"].endswith("diverged"))
    assert (diverged["epochs"], diverged["best_val_acc1"], diverged["last_train_acc1"]) == (2, None, None)


def test_what_holds_no_runs(tmp_path, folder):
    with pytest.raises(InputError, match="expected a folder with runs, but .* is not there"):
        run("runs", tmp_path / "none")
    with pytest.raises(InputError, match="holds no run; give the folder above those"):
        run("runs", tmp_path)
    with pytest.raises(InputError, match=r"holds no run \(.*broken is left out"):
        run("runs", folder / "broken")
    with pytest.raises(
        InputError, match="the order of runs must be one of best, last, .* got 'bets'; did you mean best"
    ):
        run("runs", folder, "--sort", "bets")


def test_runs_without_an_epoch_have_no_picture(tmp_path):
    make(tmp_path / "waiting", [])
    assert "no run has finished an epoch, so there is nothing to draw" in run("runs", tmp_path).stderr
    assert not (tmp_path / "runs.png").exists()
