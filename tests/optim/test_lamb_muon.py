"""LAMB and Muon against plain formulas and against the libraries that have them."""

import copy

import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.optim.optimisers import Shares, build_optimiser


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 4),
    )  # fmt: skip


def gradients(model, step):
    draw = torch.Generator().manual_seed(step)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=draw)


def test_lamb_is_algorithm_2_of_the_paper():
    """In float64 and with plain words: m, v, r = m / (sqrt(v) + eps), w <- w - lr |w| / |r + decay w| (r + decay w)."""
    layer = nn.Linear(3, 2, bias=False, dtype=torch.float64)
    optimiser = build_optimiser("lamb", layer, lr=0.1, momentum=0.9, weight_decay=0.02)
    w = layer.weight.detach().clone()
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t in (1, 2, 3):
        g = torch.full_like(w, 0.3) * t + w
        layer.weight.grad = g.clone()
        optimiser.step()
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        u = (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-6) + 0.02 * w
        w = w - 0.1 * w.norm() / u.norm() * u
        torch.testing.assert_close(layer.weight.detach(), w, rtol=1e-12, atol=1e-12)


def test_lamb_without_decay_is_adam_and_a_weight_of_zero_moves():
    norm = nn.BatchNorm2d(4)
    lamb = build_optimiser("lamb", norm, lr=0.1, momentum=0.9, weight_decay=0.5)
    twin = copy.deepcopy(norm)
    adam = torch.optim.Adam(twin.parameters(), lr=0.1, eps=1e-6)
    for step in range(3):
        gradients(norm, step)
        gradients(twin, step)
        lamb.step()
        adam.step()
    torch.testing.assert_close(norm.weight, twin.weight)
    still = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(still.weight)
    optimiser = build_optimiser("lamb", still, lr=0.1, momentum=0.9, weight_decay=0.5)
    still.weight.grad = torch.ones(2, 2)
    optimiser.step()
    torch.testing.assert_close(still.weight.detach(), torch.full((2, 2), -0.1), rtol=1e-5, atol=0)


def test_lamb_is_timms():
    timm_optim = pytest.importorskip("timm.optim")
    ours, theirs = small_network(), small_network()
    lamb = build_optimiser("lamb", ours, lr=0.01, momentum=0.9, weight_decay=0.02)
    groups = [{"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.02},
              {"params": [p for p in theirs.parameters() if p.ndim <= 1], "weight_decay": 0.0}]  # fmt: skip
    reference = timm_optim.Lamb(groups, lr=0.01, max_grad_norm=None)
    for step in range(5):
        gradients(ours, step)
        gradients(theirs, step)
        lamb.step()
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_muon_is_torchs_on_filters_as_matrices_and_adamw_on_the_rest(memory):
    ours, theirs = small_network().to(memory_format=memory), small_network()
    optimiser = build_optimiser("muon", ours, lr=0.02, momentum=0.95, weight_decay=0.1)
    filters = nn.Parameter(theirs[0].weight.detach().flatten(1).clone())
    muon = torch.optim.Muon([filters], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    others = [{"params": [theirs[5].weight], "weight_decay": 0.1},
              {"params": [theirs[1].weight, theirs[1].bias, theirs[5].bias], "weight_decay": 0.0}]  # fmt: skip
    adamw = torch.optim.AdamW(others, lr=0.02, betas=(0.95, 0.999))
    for step in range(4):
        gradients(ours, step)
        gradients(theirs, step)
        filters.grad = theirs[0].weight.grad.flatten(1)
        optimiser.step()
        muon.step()
        adamw.step()
    torch.testing.assert_close(ours[0].weight.detach().flatten(1), filters.detach(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(ours[5].weight, theirs[5].weight)
    torch.testing.assert_close(ours[1].bias, theirs[1].bias)


def test_muon_follows_the_schedule():
    network = small_network()
    optimiser = build_optimiser("muon", network, lr=0.02, momentum=0.95, weight_decay=0.1)
    before = [p.detach().clone() for p in network.parameters()]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    gradients(network, 0)
    optimiser.step()
    assert all(p.equal(q) for p, q in zip(network.parameters(), before, strict=True))
    optimiser.zero_grad()
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("name", ["lamb", "muon", "muon_sphere", "adamw", "nesterov"])
def test_what_is_saved_goes_on_to_the_same_bits(name, tmp_path):
    whole, broken = small_network(), small_network()
    one = build_optimiser(name, whole, lr=0.01, momentum=0.9, weight_decay=0.1)
    two = build_optimiser(name, broken, lr=0.01, momentum=0.9, weight_decay=0.1)
    for step in range(6):
        if step == 3:
            torch.save({"model": broken.state_dict(), "optimiser": two.state_dict()}, tmp_path / "state")
            saved = torch.load(tmp_path / "state", weights_only=True)
            broken = small_network()
            two = build_optimiser(name, broken, lr=0.01, momentum=0.9, weight_decay=0.1)
            with torch.no_grad():
                broken[0].weight.mul_(2)  # as it was not when the optimiser was made
            broken.load_state_dict(saved["model"])
            two.load_state_dict(saved["optimiser"])
        for model, optimiser in ((whole, one), (broken, two)):
            gradients(model, step)
            optimiser.step()
    assert all(a.equal(b) for a, b in zip(whole.parameters(), broken.parameters(), strict=True))


def test_muon_needs_filters():
    with pytest.raises(InputError, match="muon is for filters, and this network has none that learn; use --opt adamw"):
        build_optimiser("muon", nn.Linear(2, 2), lr=0.1, momentum=0.9, weight_decay=0)


def test_the_backbone_learns_at_its_share_of_the_rate():
    network = small_network()
    groups = build_optimiser(
        "sgd", network, lr=0.1, momentum=0.9, weight_decay=1e-4, shares=Shares(backbone=0.1)
    ).param_groups  # fmt: skip
    rates = {id(p): group["initial_lr"] for group in groups for p in group["params"]}
    assert [rates[id(p)] for p in network[5].parameters()] == [0.1, 0.1]
    assert {round(rates[id(p)], 9) for layer in network[:5] for p in layer.parameters()} == {0.01}
    assert groups[0]["initial_lr"] == 0.1, "the rate that is told is the classifier's"
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert [decays[id(p)] for p in network.parameters()] == [1e-4, 0, 0, 1e-4, 0]
    with pytest.raises(InputError, match="has no linear layer as its classifier; leave --backbone-lr out"):
        build_optimiser("sgd", nn.Conv2d(1, 1, 1), lr=1, momentum=0, weight_decay=0, shares=Shares(backbone=0.5))
