"""What the fast recipe needs of a run: a whitened stem, epochs without validation, a result from several views."""

import csv
import math
import re

import pytest
import torch
import torch.nn.functional as F
from typer.main import get_command

from residuum import evaluate, load
from residuum.cli import app
from residuum.data import open_data
from residuum.data.pixels import Normalise
from residuum.kernels import winograd
from residuum.runs.compared import find_runs
from residuum.settings.recipe import recipe_text
from residuum.training import Epoch, new_run, resumed_run, train
from residuum.training.epochs import steps_per_epoch
from residuum.training.result import read_result
from residuum.training.state import use_kernels

SMALL = {"recipe": "fast-cifar10", "data": "digits[:160,:40]", "model": "fast_resnet", "image_size": [16, 16],
         "model_arguments": {"widths": [4, 8, 8]}, "epochs": 3, "batch_size": 32, "precision": "fp32", "threads": 1,
         "validate_every": 2}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = new_run(tmp_path_factory.mktemp("fast") / "run", SMALL)
    return run, list(train(run, report=False))


def test_only_some_epochs_are_validated_and_the_last_one_always(finished):
    run, events = finished
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert [event.scores is None for event in epochs] == [True, False, False]
    rows = list(csv.DictReader((run.directory / "summary.csv").open()))
    assert [row["val_acc1"] == "nan" for row in rows] == [True, False, False]
    assert all(math.isfinite(float(row["train_loss"])) for row in rows)
    (summary,), _ = find_runs(run.directory)
    assert summary.best is not None and summary.best["epoch"] in (2, 3)


def test_the_result_is_that_of_the_views(finished):
    run, _ = finished
    model, result = load(run.directory / "last.safetensors"), read_result(run.directory)
    seen = evaluate(model, run.dataset, views="shifts")
    assert result.loss == pytest.approx(seen.loss, rel=1e-5) and result.acc1 == pytest.approx(seen.top1)
    assert result.measured_on == "every fifth image, shifts views"
    assert abs(evaluate(model, run.dataset).loss - seen.loss) > 1e-4, "one view gives another loss"


def test_in_bf16_the_views_go_by_the_convolutions_that_the_run_trains_with(tmp_path, monkeypatch):
    wide = {"model_arguments": {"widths": [32, 32, 32]}, "data": "digits[:160,:80]", "precision": "bf16", "epochs": 1}
    run = new_run(tmp_path / "run", {**SMALL, **wide})
    list(train(run, report=False))
    model, result = load(run.directory / "last.safetensors"), read_result(run.directory)
    use_kernels(model, run.settings)
    asked, convolve = [], winograd._convolve
    monkeypatch.setattr(winograd, "_convolve", lambda *given: asked.append(given) or convolve(*given))
    seen = evaluate(model, run.dataset, views="shifts", precision="bf16")
    assert bool(asked) == (run.settings.kernels == "fused" and winograd.winograd_pays())
    assert result.loss == pytest.approx(seen.loss, rel=1e-6) and result.acc1 == seen.top1
    assert result.measured_on == "every fifth image, shifts views, in bf16"
    assert evaluate(model, run.dataset, views="shifts").loss != seen.loss


def test_the_stem_is_whitened_from_the_training_pictures_and_never_learns(finished, tmp_path):
    run, _ = finished
    stem = load(run.directory / "last.safetensors").stem.whiten
    fresh = new_run(tmp_path / "fresh", SMALL)
    begun_again = resumed_run(tmp_path / "fresh", {})  # before its first checkpoint
    for other in (fresh, begun_again):
        torch.testing.assert_close(other.model.stem.whiten.weight, stem.weight, rtol=0, atol=0)
    assert not stem.bias.any()
    pixels = F.interpolate(open_data("digits[:160,:40]").train.pixels, (16, 16), mode="bilinear", antialias=True)
    images = Normalise(tuple(run.settings.mean), tuple(run.settings.std))(pixels)
    patches = F.unfold(images, 2).transpose(1, 2).flatten(0, 1) @ stem.weight.detach().flatten(1).T
    covariance = (patches[:, :4].T @ patches[:, :4] / len(patches)).abs()
    assert (covariance - covariance.diag().diag()).max() < 1e-3 and covariance.diag().max() <= 1 + 1e-3


def test_only_the_shift_of_a_whitened_stem_that_is_not_frozen_learns(finished, tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, "freeze": 0, "epochs": 1})
    list(train(run, report=False))
    stem = load(run.directory / "last.safetensors").stem.whiten
    frozen = load(finished[0].directory / "last.safetensors").stem.whiten
    assert stem.weight.equal(frozen.weight) and stem.bias.any()


def test_each_idea_can_be_switched_off(tmp_path):
    """The flags that the recipe's lines name are flags, and a run that has them all is the ordinary one."""
    options = {
        name for option in get_command(app).commands["train"].params for name in (*option.opts, *option.secondary_opts)
    }
    named = re.findall(r"--[a-z-]+", " ".join(re.findall(r"#.*", recipe_text("fast-cifar10"))))
    assert len(named) > 8 and set(named) <= options
    off = {"whiten": False, "freeze": 0, "winograd": False, "opt": "nesterov", "lr": 0.1, "momentum": 0.9,
           "head_lr": 0.1, "bias_lr": 0.1, "label_smoothing": 0.0, "flip_mode": "random", "pad_mode": "zeros",
           "views": "centre", "validate_every": 1}  # fmt: skip
    run = new_run(tmp_path / "off", {**SMALL, **off, "epochs": 1})
    assert run.model.stem.whiten.weight.std() > 0
    done = list(train(run, report=False))
    assert len(done) == steps_per_epoch(run.dataset, run.settings) + 1
    assert done[-1].scores is not None
