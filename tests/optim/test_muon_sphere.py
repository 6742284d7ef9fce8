"""Muon on a sphere against airbench94's formulas in plain words, and rates of their own."""

import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.optim.optimisers import Shares, build_optimiser

SHARES = Shares(head=0.05, bias=40.0)


def small_network():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )
    network[1].weight.requires_grad_(False)
    return network


def orthogonalised(matrix):
    """Three quintic Newton-Schulz steps, as airbench94_muon.py writes them; wide matrices alone."""
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.float()


def gradients(model, step):
    draw = torch.Generator().manual_seed(step)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=draw)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_a_step_is_airbenchs(memory):
    network, plain = small_network().to(memory_format=memory), small_network()
    lr, momentum, decay = 0.2, 0.6, 0.01
    optimiser = build_optimiser(
        "muon_sphere", network, lr=lr, momentum=momentum, weight_decay=decay, decay="all", shares=SHARES
    )
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"]
    filters, buffer = plain[0].weight.detach().clone(), torch.zeros(8, 3, 3, 3)
    head, shift = plain[4].weight.detach().clone(), plain[1].bias.detach().clone()
    moved_head, moved_shift = torch.zeros_like(head), torch.zeros_like(shift)
    for step in range(4):
        gradients(network, step)
        gradients(plain, step)
        optimiser.step()
        buffer = momentum * buffer + plain[0].weight.grad
        update = orthogonalised((plain[0].weight.grad + momentum * buffer).flatten(1)).view_as(filters)
        filters = filters * 8**0.5 / filters.norm() - lr * update
        for value, moved, grad, rate in (
            (head, moved_head, plain[4].weight.grad, lr * 0.05),
            (shift, moved_shift, plain[1].bias.grad, lr * 40),
        ):
            grad = grad + decay / rate * value
            moved.mul_(0.85).add_(grad)
            value.sub_(rate * (grad + 0.85 * moved))
    torch.testing.assert_close(network[0].weight.detach(), filters, rtol=0, atol=0.01)  # bf16 in between
    torch.testing.assert_close(network[4].weight.detach(), head)
    torch.testing.assert_close(network[1].bias.detach(), shift)
    assert network[1].weight.equal(torch.ones(8)), "what is frozen stays"


def test_head_and_biases_have_rates_of_their_own():
    network = small_network()
    groups = build_optimiser(
        "sgd", network, lr=0.1, momentum=0.9, weight_decay=0.5, shares=Shares(head=0.5, bias=3.0)
    ).param_groups
    rates = {id(p): group["initial_lr"] for group in groups for p in group["params"]}
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    named = {name: p for name, p in network.named_parameters() if p.requires_grad}
    assert {name: round(rates[id(p)], 9) for name, p in named.items()} == {
        "0.weight": 0.1, "1.bias": 0.3, "4.weight": 0.05, "4.bias": 0.3
    }  # fmt: skip
    assert {name: decays[id(p)] for name, p in named.items()} == {
        "0.weight": 0.5, "1.bias": 0.0, "4.weight": 0.5, "4.bias": 0.0
    }  # fmt: skip
    assert sum(len(group["params"]) for group in groups) == len(named)


def test_filters_it_must_have():
    with pytest.raises(InputError, match="muon is for filters, and this network has none"):
        build_optimiser("muon_sphere", nn.Linear(2, 2), lr=0.1, momentum=0.9, weight_decay=0)
