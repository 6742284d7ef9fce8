import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from residuum import create_model
from residuum.errors import InputError
from residuum.optim.optimisers import OPTIMISERS, build_optimiser, shrink
from residuum.optim.schedules import SCHEDULES, build_schedule


def test_only_filters_and_matrices_decay():
    model = create_model("cifar_resnet", depth=8)
    decaying, others = build_optimiser("sgd", model, lr=0.1, momentum=0.9, weight_decay=0.5).param_groups
    assert decaying["weight_decay"] == 0.5
    assert others["weight_decay"] == 0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)].rsplit(".", 1)[0].rsplit(".", 1)[-1] for p in decaying["params"]} == {
        "conv",
        "conv1",
        "conv2",
        "fc",
    }
    assert all(names[id(p)].endswith("bias") or ".norm" in names[id(p)] for p in others["params"])
    assert len(decaying["params"]) + len(others["params"]) == len(names)


def test_coupled_and_decoupled_decay_are_their_formulas():
    for name, expected in (("sgd", 1 - 0.1 * (0.5 + 0.2 * 1)), ("sgdw", 1 * (1 - 0.1 * 0.2) - 0.1 * 0.5)):
        layer = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(layer.weight)
        optimiser = build_optimiser(name, layer, lr=0.1, momentum=0.9, weight_decay=0.2)
        layer.weight.grad = torch.full((1, 1), 0.5)
        shrink(optimiser)
        optimiser.step()
        assert layer.weight.item() == pytest.approx(expected), name


def test_decoupled_decay_stays_out_of_the_momentum():
    layer = torch.nn.Linear(1, 1, bias=False)
    optimiser = build_optimiser("sgdw", layer, lr=0.1, momentum=0.9, weight_decay=0.2)
    for _ in range(3):
        layer.weight.grad = torch.zeros(1, 1)
        before = layer.weight.item()
        shrink(optimiser)
        optimiser.step()
        assert layer.weight.item() == pytest.approx(before * (1 - 0.1 * 0.2))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_lowers_a_loss_and_keeps_its_peak_rate(name):
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(4, 2, 1)
    optimiser = build_optimiser(name, layer, lr=0.05, momentum=0.9, weight_decay=1e-4)
    assert {group["initial_lr"] for group in optimiser.param_groups} == {0.05}
    inputs, losses = torch.randn(64, 4, 1, 1), []
    for _ in range(40):
        loss = (layer(inputs) - inputs[:, :2]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        shrink(optimiser)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def torch_factors(scheduler_of, total):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    scheduler = scheduler_of(optimiser)
    factors = []
    for step in range(total):
        factors.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step + 1 < total:  # torch's one-cycle refuses a step beyond its last
            scheduler.step()
    return factors


@pytest.mark.parametrize("total", [10, 37, 200])
def test_cosine_and_one_cycle_are_torchs(total):
    cosine = torch_factors(lambda optimiser: CosineAnnealingLR(optimiser, total), total)
    assert [build_schedule("cosine", total)(step) for step in range(total)] == pytest.approx(cosine, abs=1e-9)
    cycle = torch_factors(lambda optimiser: OneCycleLR(optimiser, 1.0, total, cycle_momentum=False), total)
    assert [build_schedule("onecycle", total)(step) for step in range(total)] == pytest.approx(cycle, abs=1e-6)


def test_the_staircase_is_the_papers():
    factor = build_schedule("step", 64_000)
    assert [factor(step) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_rises_straight_and_then_the_schedule_runs(name):
    warm, bare = build_schedule(name, 100, warmup=10), build_schedule(name, 90)
    assert [warm(step) for step in range(10)] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert [warm(step) for step in range(10, 100)] == pytest.approx([bare(step) for step in range(90)])
    assert all(0 <= warm(step) <= 1 for step in range(100))
    assert all(0 <= build_schedule(name, total)(0) <= 1 for total in (1, 2, 3))


def test_unknown_names_and_long_warm_ups():
    with pytest.raises(InputError, match="no schedule is named 'cosin'; did you mean cosine"):
        build_schedule("cosin", 10)
    with pytest.raises(InputError, match="shorter than the whole run of 10 steps, got 10"):
        build_schedule("cosine", 10, warmup=10)
    with pytest.raises(InputError, match="no optimiser is named 'adam'; did you mean adamw"):
        build_optimiser("adam", torch.nn.Linear(1, 1), lr=1, momentum=0, weight_decay=0)
