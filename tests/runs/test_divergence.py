"""Runs that really diverge, and layers that really break."""

import math

import pytest
import torch
from torch import nn

from residuum import load, save
from residuum.runs.divergence import Culprit, _Found, find_divergence, looking
from residuum.training import Epoch, Step, new_run, resumed_run, train
from residuum.training import epochs as fit
from residuum.training.state import Diverged

SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2,
         "batch_size": 256, "precision": "fp32", "threads": 1, "kernels": "plain", "sched": "constant"}  # fmt: skip


def diverge(run, match):
    with pytest.raises(Diverged, match=match):
        for _ in train(run, report=False):
            pass


def test_a_rate_too_high_is_found_in_the_step_that_training_named(tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, "lr": 1e6})
    with pytest.raises(Diverged, match="became (nan|inf) at step") as raised:
        for _ in train(run, report=False):
            pass
    found = find_divergence(tmp_path / "run")
    assert f"at step {found.step} " in str(raised.value)
    assert found.what in ("output", "gradient") and found.where


@pytest.fixture
def steep(monkeypatch):
    """Let gradients be of the order of 1000, which a rate of 3e38 multiplies out of float32's range."""
    monkeypatch.setattr(
        fit, "build_loss", lambda *_: lambda logits, labels: 1000 * nn.functional.cross_entropy(logits, labels)
    )


def test_an_update_out_of_range_is_told_from_a_gradient(tmp_path, steep):
    diverge(new_run(tmp_path / "run", {**SMALL, "lr": 3e38, "momentum": 0.0}), match="became nan at step 1")
    found = find_divergence(tmp_path / "run")
    assert (found.step, found.what, found.where) == (0, "weights", "stem.conv.weight")
    assert str(found) == (
        "the first that was not finite, in step 0: stem.conv.weight, after an update by a gradient that was finite"
    )


def test_the_layer_that_breaks_is_named(tmp_path):
    first = new_run(tmp_path / "first", {**SMALL, "epochs": 1})
    model = first.model
    with torch.no_grad():
        model.get_submodule("stages.1.0.branch.conv2").weight.fill_(3e38)
    save(model, tmp_path / "huge.safetensors")
    given = {key: value for key, value in SMALL.items() if key not in ("model", "model_arguments")}
    diverge(new_run(tmp_path / "run", {**given, "weights": str(tmp_path / "huge.safetensors")}), match="at step 0")
    assert find_divergence(tmp_path / "run") == Culprit(0, "output", "stages.1.0.branch.conv2", "Conv2d")


def test_the_last_good_checkpoint_is_kept_and_the_search_begins_there(tmp_path, monkeypatch):
    """The rate jumps at step 7, in the second epoch of five steps each."""
    monkeypatch.setattr(fit, "schedule_of", lambda settings, per_epoch: lambda step: 1.0 if step < 7 else 1e30)
    run, events = new_run(tmp_path / "run", SMALL), []
    with pytest.raises(Diverged, match="at step 8"):
        events.extend(train(run, report=False))
    assert sum(isinstance(event, Epoch) for event in events) == 1
    again = resumed_run(tmp_path / "run", {})
    assert again.state["progress"]["epoch"] == 1
    assert all(value.isfinite().all() for value in again.state["model"].values())
    for name in ("last", "model"):
        weights = load(tmp_path / "run" / f"{name}.safetensors").state_dict().values()
        assert all(value.isfinite().all() for value in weights)
    files = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    found = find_divergence(tmp_path / "run")
    assert (found.step, found.what) in ((7, "weights"), (8, "output"), (8, "gradient"))
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}


def test_an_epoch_that_ends_with_broken_weights_writes_nothing(tmp_path, monkeypatch, steep):
    monkeypatch.setattr(fit, "schedule_of", lambda settings, per_epoch: lambda step: 1.0 if step < 9 else 1e41)
    run = new_run(tmp_path / "run", {**SMALL, "momentum": 0.0, "lr": 0.001})
    diverge(run, match=r"is no longer finite in epoch 2, step 5; the last checkpoint .* are of before")
    assert load(tmp_path / "run" / "last.safetensors").description.metrics["epoch"] == 1
    assert find_divergence(tmp_path / "run").what == "weights"


def test_a_network_that_breaks_on_the_validation_pictures_only(tmp_path, monkeypatch):
    """Weights that are finite, but so large that what batch norm keeps in training breaks without it."""
    monkeypatch.setattr(fit, "schedule_of", lambda settings, per_epoch: lambda step: 1.0 if step < 4 else 1e30)
    diverge(new_run(tmp_path / "run", {**SMALL, "momentum": 0.0}), match="the validation loss became nan in epoch 1")
    assert not (tmp_path / "run" / "last.safetensors").exists()
    found = find_divergence(tmp_path / "run")
    assert (found.step, found.what) == (5, "validation")
    assert str(found).startswith("the first that was not finite, in the validation before step 5: the output of ")


def test_a_run_that_repeats_without_breaking_says_so(tmp_path):
    run = new_run(tmp_path / "run", {**SMALL, "epochs": 1, "lr": 0.01})
    steps = [event for event in train(run, report=False) if isinstance(event, Step)]
    assert len(steps) == 5
    assert find_divergence(tmp_path / "run") is None


class Breaks(torch.autograd.Function):
    """The identity, whose gradient is not a number."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * math.nan


class Breaking(nn.Module):
    def forward(self, x):
        return Breaks.apply(x)


def test_a_gradient_is_found_where_it_breaks_and_hooks_go_away():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True), Breaking(), nn.Linear(3, 2))
    with pytest.raises(_Found) as found, looking(model):
        model(torch.ones(1, 3)).sum().backward()
    assert (found.value.what, found.value.where, found.value.kind) == ("gradient", "the output of 1", "ReLU")
    model.zero_grad()
    model(torch.ones(1, 3)).sum().backward()
    assert model[0].weight.grad.isnan().any()


def test_a_parameters_own_gradient_is_found():
    """Every gradient of an output is finite, and their sum over the batch is not."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False))
    with pytest.raises(_Found) as found, looking(model):
        (model(torch.full((4, 1), 1e20)) * 1e19).sum().backward()
    assert (found.value.what, found.value.where) == ("gradient", "0.weight")


def test_a_loss_of_finite_logits_is_told(tmp_path, monkeypatch):
    run = new_run(tmp_path / "run", {**SMALL, "epochs": 1})
    monkeypatch.setattr(fit, "build_loss", lambda *_: lambda logits, _: (logits.sum().detach() * 0 + 1e38) * 1e38)
    monkeypatch.setattr("torch.Tensor.backward", lambda _: None)
    diverge(run, match="the loss became inf at step 0")
    assert find_divergence(tmp_path / "run") == Culprit(0, "loss", "")
