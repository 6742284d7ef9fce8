"""Folding leaves the function unchanged (1e-10 in float64) and takes out every batch norm that can go."""

import copy

import pytest
import torch
from shipped_members import MEMBERS, member, settled
from torch import nn

from residuum.nn import Block, FeatureMaps, SqueezeExcite, StochasticDepth
from residuum.nn.fold import fold

# how many batch norms can not go: those behind a sum, a concatenation or a pool
STAY = {"norm_after_add": 3, "preactivation": 3, "wide": 3, "preact_imagenet": 9, "preact_resnet_cifar": 8,
        "dense": 9, "dense_bc": 9}  # fmt: skip


def same(model, folded, images):
    with torch.no_grad():
        expected, got = model(images), folded(images)
    assert (got - expected).abs().max() <= 1e-10 * expected.abs().max()


@pytest.mark.parametrize("name", MEMBERS)
def test_the_function_stays(name):
    model, side = member(name)
    model.double()
    before = copy.deepcopy(model.state_dict())
    result = fold(model)
    same(model, result.model, torch.randn(3, 3, side, side, dtype=torch.float64))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(result.stayed) == STAY.get(name, 0)
    assert len(result.folded) == len(norms) - len(result.stayed)


def test_every_layer_keeps_its_name_and_the_report_says_what_went():
    model, _ = member("residual_b")
    result = fold(model)
    assert {name for name, _ in result.model.named_modules()} == {name for name, _ in model.named_modules()}
    assert result.folded["stem.norm"] == "stem.conv"
    assert result.folded["stages.1.0.shortcut.norm"] == "stages.1.0.shortcut.conv"
    assert isinstance(result.model.stem.norm, nn.Identity)
    kept, taken = set(model.state_dict()), set(result.model.state_dict())
    assert {key.rpartition(".")[0] for key in kept - taken} == set(result.folded)
    assert taken - kept == {f"{name}.bias" for name in result.folded.values()}


def test_training_parts_go():
    model, _ = member("stochastic")
    result = fold(model)
    assert not any(isinstance(layer, StochasticDepth) for layer in result.model.modules())
    assert result.dropped == [f"stages.{stage}.0.branch" for stage in range(3)]
    model, _ = member("alexnet")
    assert fold(model).dropped == ["head.drop1", "head.drop2"]


def test_a_survival_probability_stays_where_no_layer_can_take_it_in():
    torch.manual_seed(0)
    model = settled(Block(StochasticDepth({"conv": nn.Conv2d(8, 8, 1), "se": SqueezeExcite(8)}, 0.4)).double())
    result = fold(model)
    assert isinstance(result.model.branch, StochasticDepth) and result.dropped == []
    same(model, result.model, torch.randn(2, 8, 5, 5, dtype=torch.float64))


def chain(*layers):
    return settled(nn.Sequential(*layers)).double()


@pytest.mark.parametrize(
    ("layers", "stay"),
    [
        ([nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3)], 0),
        ([nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, groups=2, bias=False)], 0),
        ([nn.BatchNorm2d(6), nn.Dropout(), nn.Conv2d(6, 4, 1)], 0),
        ([nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=1)], 1),  # the padding is not shifted
        ([nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding="same")], 1),
        ([nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3)], 1),
        ([nn.Conv2d(6, 6, 3), nn.MaxPool2d(2), nn.BatchNorm2d(6)], 1),  # a negative scale turns a maximum around
        ([nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6, affine=False), nn.BatchNorm2d(6)], 0),
        ([nn.Sequential(nn.Conv2d(6, 6, 3, groups=3)), nn.Sequential(nn.BatchNorm2d(6))], 0),
        ([nn.Flatten(), nn.Linear(6 * 64, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)], 0),
    ],
)
def test_rows_of_layers(layers, stay):
    torch.manual_seed(0)
    model = chain(*layers)
    result = fold(model)
    same(model, result.model, torch.randn(2, 6, 8, 8, dtype=torch.float64))
    assert len(result.stayed) == stay


def test_a_padded_layer_takes_in_a_norm_that_shifts_nothing():
    model = chain(nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=1))
    model[0].bias.data.zero_()
    model[0].running_mean.zero_()
    result = fold(model)
    assert result.folded == {"0": "1"}
    same(model, result.model, torch.randn(2, 6, 8, 8, dtype=torch.float64))


def test_shared_layers_and_norms_of_the_batch_stay():
    conv = nn.Conv2d(4, 4, 1)
    model = chain(conv, nn.BatchNorm2d(4), conv, nn.ReLU())
    result = fold(model)
    assert result.stayed == ["1"]
    same(model, result.model, torch.randn(2, 4, 5, 5, dtype=torch.float64))
    free = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)).double()
    result = fold(free)
    assert result.stayed == ["1"]
    same(free.eval(), result.model, torch.randn(2, 4, 5, 5, dtype=torch.float64))


def test_feature_maps_are_those_of_the_network():
    model, side = member("seresnet")
    maps = FeatureMaps(model).double().eval()
    images = torch.randn(1, 3, side, side, dtype=torch.float64)
    for expected, got in zip(maps(images), fold(maps).model(images), strict=True):
        assert (got - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_float32_stays_float32_and_trains_no_longer():
    model, _ = member("residual_a")
    result = fold(model.train())
    assert not result.model.training and model.training
    assert {value.dtype for value in result.model.state_dict().values()} == {torch.float32}
