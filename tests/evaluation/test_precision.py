"""Evaluation in bf16: on a copy, with norms folded, or by Winograd's convolutions where the model trains by them."""

import copy

import pytest
import torch
from evaluation_sets import a_dataset, pixels_and_labels, small_network
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.evaluation import evaluate, precision, predictions_of
from residuum.evaluation.precision import made_for
from residuum.kernels import fuse, use_winograd
from residuum.kernels import winograd as room
from residuum.kernels.winograd import winograd_runs
from residuum.machine.precision import autocast


def test_in_float32_it_is_the_model_itself():
    model = small_network()
    assert made_for("fp32", model) is model
    with pytest.raises(InputError, match="precision must be fp32 or bf16, got 'fp8'"):
        made_for("fp8", model)


def test_in_bf16_it_is_a_folded_copy_and_the_model_stays_as_it_was():
    model = small_network().train()
    before = copy.deepcopy(model.state_dict())
    made = made_for("bf16", model)
    assert model.training and not made.training
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in made.modules())
    wide = [layer.weight for layer in made.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in wide)


@pytest.mark.parametrize("views", ["centre", "flip", "multi-scale"])
def test_the_predictions_are_the_copys_under_autocast(views):
    model, dataset = small_network(), a_dataset(pixels_and_labels(40))
    exact, found = (predictions_of(model, dataset, views=views, precision=name) for name in ("fp32", "bf16"))
    difference = (found.log_probabilities - exact.log_probabilities).abs().max()
    assert 0 < difference < 0.1
    if views == "centre":
        pixels = dataset.val.pixels.float() / 255
        with torch.no_grad(), autocast("bf16", "cpu"):
            logits = made_for("bf16", model)((pixels - 0.4) / 0.25)
        assert torch.equal(logits.float().double().log_softmax(1), found.log_probabilities)


def test_an_ensembles_members_are_all_evaluated_in_it():
    dataset, models = a_dataset(pixels_and_labels(40)), [small_network(seed=0), small_network(seed=1)]
    alone = evaluate(models[0], dataset, precision="bf16")
    assert alone.loss != evaluate(models[0], dataset).loss
    assert evaluate(models, dataset, precision="bf16").loss != evaluate(models, dataset).loss


@pytest.mark.skipif(not winograd_runs(), reason="no compiled part, or one that is not for this processor")
def test_a_model_that_trains_by_winograds_convolutions_evaluates_by_them(monkeypatch):
    model = use_winograd(fuse(create_model("fast_resnet8", num_classes=4).eval()))
    x, seen, compute = torch.randn(64, 3, 32, 32).to(memory_format=torch.channels_last), [], room._convolve

    def convolve(*given):
        seen.append(given[-1])  # whether it pools
        return compute(*given)

    monkeypatch.setattr(room, "_convolve", convolve)
    for asking in (room, precision):  # wherever it runs, whether or not it pays
        monkeypatch.setattr(asking, "winograd_pays", lambda: True)
    with torch.no_grad(), autocast("bf16", "cpu"):
        direct = model(x)
        assert seen == [], "a model that only trains by them"
        found = made_for("bf16", model)(x)
    assert seen.count(True) == 3 and seen.count(False) == 3
    apart = (found - direct).float().norm() / direct.float().norm()
    assert 0 < apart < 0.05
