"""Runs from begin to end, broken off and gone on with."""

import csv
import errno
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from residuum import evaluate, load
from residuum.errors import DiskError, InputError
from residuum.training import Epoch, Interrupted, Step, new_run, resumed_run, train
from residuum.training.checkpoint import checkpoints
from residuum.training.state import Diverged

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 3,
         "batch_size": 256, "precision": "fp32", "threads": 1}  # fmt: skip
EXACT = ("result.json", "summary.csv", "steps.csv", "last.safetensors", "model.safetensors", "config.yaml")


def finish(run):
    return list(train(run, report=False))


def contents(directory):
    return {name: (directory / name).read_bytes() for name in EXACT}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the directory of a run that nobody interrupted."""
    directory = tmp_path_factory.mktemp("runs") / "whole"
    finish(new_run(directory, SMALL))
    return directory


def test_a_run_writes_what_it_promises(whole):
    assert {path.name for path in whole.iterdir()} == {
        "config.yaml", "environment.json", "summary.csv", "steps.csv", "timing.csv", "checkpoints", "run.lock",
        "model.safetensors", "last.safetensors", "result.json",
    }  # fmt: skip
    with (whole / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best, last = load(whole / "model.safetensors"), load(whole / "last.safetensors")
    assert best.description.metrics["val_acc1"] == pytest.approx(max(float(row["val_acc1"]) for row in rows), abs=1e-3)
    assert last.description.metrics["epoch"] == 3
    assert best.description.classes == [str(digit) for digit in range(10)]
    assert "on digits, seed 0" in best.description.provenance


def test_the_same_settings_give_the_same_bytes(whole, tmp_path):
    finish(new_run(tmp_path / "again", SMALL))
    assert contents(tmp_path / "again") == contents(whole)
    finish(new_run(tmp_path / "other", {**SMALL, "seed": 1}))
    assert contents(tmp_path / "other")["last.safetensors"] != contents(whole)["last.safetensors"]


@pytest.mark.parametrize("stop_at", [0, 4, 5, 8, 13])
def test_an_interrupted_run_ends_with_the_same_bytes(whole, tmp_path, stop_at):
    run = new_run(tmp_path / "broken", SMALL)
    with pytest.raises(Interrupted, match=r"stopped at epoch \d, step \d"):
        for event in train(run, report=False):
            if isinstance(event, Step) and event.number == stop_at:
                os.kill(os.getpid(), signal.SIGINT)
    finish(resumed_run(tmp_path / "broken", {}))
    assert contents(tmp_path / "broken") == contents(whole)


def test_the_average_is_what_is_scored_and_saved(tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, "epochs": 1, "ema": 0.9})
    (epoch,) = (event for event in finish(run) if isinstance(event, Epoch))
    saved = load(tmp_path / "run" / "last.safetensors")
    assert evaluate(saved, "digits").top1 == pytest.approx(epoch.row["val_acc1"])
    assert not saved.state_dict()["head.fc.weight"].equal(run.model.state_dict()["head.fc.weight"])


def test_accumulation_makes_fewer_steps(tmp_path):
    """1,437 pictures in batches of 256 are five; two to a step make three steps, the last of one batch."""
    run = new_run(tmp_path / "run", {**SMALL, "epochs": 2, "grad_accum": 2})
    seen = [event for event in finish(run) if isinstance(event, Step)]
    assert [step.number for step in seen] == list(range(6))
    assert [step.images for step in seen] == 2 * [512, 512, 256]


def test_a_run_that_died_before_its_first_checkpoint_begins_again(whole, tmp_path):
    steps = train(new_run(tmp_path / "died", SMALL), report=False)
    next(steps)
    steps.close()
    assert not (tmp_path / "died" / "checkpoints").exists()
    finish(resumed_run(tmp_path / "died", {}))
    assert contents(tmp_path / "died") == contents(whole)


def test_a_finished_run_can_be_resumed_to_no_effect(whole):
    before = contents(whole)
    assert finish(resumed_run(whole, {})) == []
    assert contents(whole) == before


def test_a_resume_keeps_its_settings(whole):
    with pytest.raises(
        InputError, match=r"these differ: lr: saved .*, asked 7; epochs: saved 3, asked 4\. Leave them out"
    ):
        resumed_run(whole, {"lr": 7, "epochs": 4})
    with pytest.raises(
        InputError, match="differ: depth: saved 8, asked 14; shortcut: saved None, asked B. Leave them out"
    ):
        resumed_run(whole, {"model_arguments": {"depth": 14, "shortcut": "B"}})
    resumed_run(whole, {"epochs": 3, "model_arguments": {"depth": 8}})


def test_what_cannot_be_resumed(tmp_path, whole):
    with pytest.raises(InputError, match=r"is no run: it has no config\.yaml"):
        resumed_run(tmp_path, {})
    (tmp_path / "config.yaml").write_text("data: digits\nspeed: 3\n")
    with pytest.raises(InputError, match="missing or unknown: batch_size, .*speed"):
        resumed_run(tmp_path, {})
    (tmp_path / "config.yaml").write_bytes((whole / "config.yaml").read_bytes())
    (tmp_path / "checkpoint.pt").write_bytes(checkpoints(whole)[0].read_bytes()[:1000])
    with pytest.raises(InputError, match=r"no checkpoint of .*checkpoint\.pt cannot be read.* Remove them to train"):
        resumed_run(tmp_path, {})


def test_an_output_in_use_is_refused(whole, tmp_path):
    before = contents(whole)
    with pytest.raises(InputError, match="in use; choose another, or resume with `residuum train --resume"):
        new_run(whole, SMALL)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="new or empty folder"):
        new_run(tmp_path / "file", SMALL)
    assert contents(whole) == before


def test_two_processes_cannot_train_one_run(tmp_path):
    steps = train(new_run(tmp_path / "run", SMALL), report=False)
    next(steps)
    with pytest.raises(InputError, match="in use by another process"):
        next(train(resumed_run(tmp_path / "run", {}), report=False))
    steps.close()


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    directory = tmp_path / "run"
    run, epochs = new_run(directory, SMALL), 0
    saved = torch.save

    def save(state, file):
        if epochs == 1:
            file.write(b"half a checkpoint")
            raise OSError(errno.ENOSPC, "No space left on device")
        saved(state, file)

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(DiskError, match=r"could not write .*step-000000010\.pt: No space left.*content is intact"):
        for event in train(run, report=False):
            epochs += isinstance(event, Epoch)
    monkeypatch.undo()
    assert not list(directory.rglob(".*"))
    finish(resumed_run(directory, {}))
    assert len((directory / "summary.csv").read_text().splitlines()) == 4


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_files(tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, "lr": 1e20, "opt": "sgd", "sched": "constant"})
    with pytest.raises(Diverged, match=r"became (nan|inf) at step \d+ .*try a smaller --lr"):
        finish(run)


def test_a_run_starts_from_weights_of_other_classes(whole, digit_folder, tmp_path):
    given = {"data": str(digit_folder), "weights": str(whole / "model.safetensors"), "epochs": 1, "batch_size": 16,
             "precision": "fp32"}  # fmt: skip
    run = new_run(tmp_path / "tuned", given)
    before = load(whole / "model.safetensors")
    assert run.settings.mean == [pytest.approx(0.3059)]  # preprocessing comes with the weights
    assert run.model.num_classes == 3
    for (name, a), b in zip(run.model.state_dict().items(), before.state_dict().values(), strict=True):
        assert name.startswith("head.fc") or a.equal(b), name
    finish(run)
    assert load(tmp_path / "tuned" / "model.safetensors").description.classes == ["digit-0", "digit-1", "digit-2"]


def test_weights_of_another_model_are_refused(whole, tmp_path):
    given = {"data": "digits", "weights": str(whole / "model.safetensors"), "model": "resnet18"}
    with pytest.raises(InputError, match="the weights are of cifar_resnet, but the model asked for is resnet18"):
        new_run(tmp_path / "run", given)
    assert not (tmp_path / "run").exists()


def test_the_report_is_written_from_the_best_weights(tmp_path):
    list(train(new_run(tmp_path / "run", {**SMALL, "epochs": 1})))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.html", "curves.png", "confusion.png", "per_class.png"} <= names
    assert "digits" in (tmp_path / "run" / "report.html").read_text()
    page = (tmp_path / "run" / "report.html").read_text()
    assert all(f"{what} over the training." in page for what in ("Norm of the gradient", "Norm of the weights"))


def test_training_in_one_call_returns_the_best_model(tmp_path):
    from residuum import train_model

    told = []
    model = train_model(output=tmp_path / "run", tell=told.append, **{**SMALL, "epochs": 2})
    best = max(float(line.split("validation ")[1].split()[0]) for line in told if line.startswith("epoch "))
    assert evaluate(model, "digits").top1 == pytest.approx(best, abs=0.05)


def test_a_run_directory_of_the_first_version_is_gone_on_with(tmp_path):
    """Made on 2026-11-24 by version 0.1.0: interrupted after the first of two epochs."""
    golden = Path(__file__).parents[1] / "data" / "run_v1"
    shutil.copytree(golden, tmp_path / "run")
    finish(resumed_run(tmp_path / "run", {}))
    before, after = ((folder / "summary.csv").read_text().splitlines() for folder in (golden, tmp_path / "run"))
    assert len(after) == 3
    assert after[:2] == before
    assert load(golden / "last.safetensors").description.classes == [str(digit) for digit in range(10)]
