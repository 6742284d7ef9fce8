"""Merges: each against its equation, on images and on vectors."""

import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.nn import (
    Add,
    Block,
    BranchOnly,
    Concatenate,
    Gate,
    ScaledAdd,
    ShortcutGate,
    UncoupledGate,
    conv_gate,
    linear_gate,
)
from residuum.nn.merges import MERGES, pick_merge

IMAGES, VECTORS = (2, 3, 5, 5), (2, 3)


def gate(shape, bias):
    return conv_gate(3, 3, bias=bias) if len(shape) == 4 else linear_gate(3, 3, bias=bias)


def layer(shape):
    return nn.Conv2d(3, 3, 3, padding=1) if len(shape) == 4 else nn.Linear(3, 3)


@pytest.fixture(params=[IMAGES, VECTORS], ids=["images", "vectors"])
def x(request):
    torch.manual_seed(0)
    return torch.randn(request.param, dtype=torch.float64)


def test_gates_follow_their_equations(x):
    s, b = torch.randn_like(x), torch.randn_like(x)
    first, second = gate(x.shape, -2.0).double(), gate(x.shape, 0.5).double()
    t, c = torch.sigmoid(first(x)), torch.sigmoid(second(x))
    torch.testing.assert_close(Gate(first)(s, b, x), t * b + (1 - t) * s)
    torch.testing.assert_close(UncoupledGate(first, second)(s, b, x), t * b + c * s)
    torch.testing.assert_close(ShortcutGate(first)(s, b, x), b + (1 - t) * s)


@pytest.mark.parametrize("bias", [-3.0, 2.0])
def test_gate_bias_is_what_was_asked(bias):
    for part in (conv_gate(3, 4, 2, bias=bias), linear_gate(3, 4, bias=bias)):
        assert torch.equal(part.bias, torch.full((4,), bias))


def test_highway_shut_is_the_identity_open_is_the_plain_layer(x):
    branch = nn.Sequential(layer(x.shape), nn.ReLU()).double()
    shut = Block(branch, merge=Gate(gate(x.shape, -1000.0).double()))
    opened = Block(branch, merge=Gate(gate(x.shape, 1000.0).double()))
    assert torch.equal(shut(x), x)
    assert torch.equal(opened(x), Block(branch, merge=BranchOnly())(x))


def test_gateless_highway_is_the_residual_block(x):
    branch = layer(x.shape).double()
    gateless = Block(branch, merge=UncoupledGate(gate(x.shape, 1000.0).double(), gate(x.shape, 1000.0).double()))
    assert torch.equal(gateless(x), Block(branch, merge=Add())(x))


def test_shut_shortcut_gate_is_the_residual_block(x):
    branch = layer(x.shape).double()
    shut = Block(branch, merge=ShortcutGate(gate(x.shape, -1000.0).double()))
    assert torch.equal(shut(x), Block(branch)(x))


def test_scaled_add(x):
    s, b = torch.randn_like(x), torch.randn_like(x)
    torch.testing.assert_close(ScaledAdd(0.5, 2.0)(s, b, x), 0.5 * s + 2 * b)
    assert "shortcut_scale=0.5" in repr(ScaledAdd(0.5, 2.0))


def test_concatenate_puts_the_shortcut_first():
    s, b = torch.zeros(2, 3, 5, 5), torch.ones(2, 4, 5, 5)
    y = Concatenate()(s, b, s)
    assert y.shape == (2, 7, 5, 5)
    assert torch.equal(y[:, :3], s) and torch.equal(y[:, 3:], b)
    assert Concatenate(dim=-1)(torch.zeros(2, 3), torch.ones(2, 4), s).shape == (2, 7)


@pytest.mark.parametrize("name", MERGES)
def test_named_merges_change_shape_with_the_block(name):
    merge = pick_merge(name)(3, 6, 2)
    s, b, x = torch.randn(2, 6, 4, 4), torch.randn(2, 6, 4, 4), torch.randn(2, 3, 7, 7)
    assert merge(s, b, x).shape == (2, 6, 4, 4)


def test_unknown_merge_names_the_known_ones():
    with pytest.raises(InputError, match=r"merge must be one of add, .*did you mean exclusive_gating"):
        pick_merge("exclusive_gate")
