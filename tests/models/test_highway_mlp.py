"""Highway networks between their two limits: T -> 0 carries, T -> 1 computes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.nn import Block, Gate, UncoupledGate


def build(merge="gate", depth=6, **arguments):
    return create_model("highway_mlp", depth=depth, width=7, image_size=4, merge=merge, **arguments).double()


def set_gate(gate, logit):
    nn.init.zeros_(gate.weight)
    nn.init.constant_(gate.bias, logit)


def twin(model, merge):
    """Return the network of another merge with the same layers."""
    other = build(merge)
    other.load_state_dict(model.state_dict(), strict=False)
    return other


def images():
    return torch.rand(3, 1, 4, 4, dtype=torch.float64)


def test_shut_gates_carry_the_stem_through_to_the_bit():
    model, x = build(), images()
    for block in model.stages[0]:
        set_gate(block.merge.transform, -1e4)
    assert torch.equal(model.forward_features(x), model.stem(x))


def test_open_gates_are_the_plain_network_to_the_bit():
    model, x = build(), images()
    for block in model.stages[0]:
        set_gate(block.merge.transform, 1e4)
    assert torch.equal(model(x), twin(model, "branch_only")(x))
    assert not torch.equal(model(x), twin(model, "add")(x))


def test_two_open_gates_are_the_residual_network_to_the_bit():
    model, x = build("uncoupled_gate"), images()
    for block in model.stages[0]:
        set_gate(block.merge.transform, 1e4)
        set_gate(block.merge.carry, 1e4)
    assert torch.equal(model(x), twin(model, "add")(x))


@settings(deadline=None, max_examples=20)
@given(depth=st.integers(2, 12), seed=st.integers(0, 99))
def test_uncoupled_gates_with_c_at_one_minus_t_are_the_coupled_gate(depth, seed):
    torch.manual_seed(seed)
    coupled = build(depth=depth)
    uncoupled = build("uncoupled_gate", depth=depth)
    uncoupled.load_state_dict(coupled.state_dict(), strict=False)
    for one, two in zip(coupled.stages[0], uncoupled.stages[0], strict=True):
        two.merge.carry.weight.data = -one.merge.transform.weight.data
        two.merge.carry.bias.data = -one.merge.transform.bias.data
    x = images()
    torch.testing.assert_close(uncoupled(x), coupled(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("depth", [2, 10, 50])
def test_depth_counts_the_plain_layer_and_the_blocks(depth):
    model = build(depth=depth)
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    assert len(blocks) == depth - 1 and all(isinstance(block.merge, Gate) for block in blocks)


def test_gates_start_on_the_side_of_the_shortcut():
    for merge, kind in (("gate", Gate), ("uncoupled_gate", UncoupledGate)):
        for block in build(merge, gate_bias=-3.0).stages[0]:
            assert isinstance(block.merge, kind)
            assert (block.merge.transform.bias == -3).all()
    assert (build("uncoupled_gate", gate_bias=-3.0).stages[0][0].merge.carry.bias == 3).all()


def test_what_does_not_fit():
    with pytest.raises(
        InputError, match=r"gate_bias must be below 0 so that blocks start by carrying, got 0.0; try -2"
    ):
        build(gate_bias=0.0)
    with pytest.raises(InputError, match="merge must be one of gate, uncoupled_gate, add, branch_only, got 'mean'"):
        build("mean")
    with pytest.raises(InputError, match="depth must be 2 or more, a plain layer and Highway blocks, got 1"):
        build(depth=1)
    with pytest.raises(
        InputError, match=r"takes images of shape \[1, 4, 4\], got \[1, 5, 4\]; resize them or build it"
    ):
        build()(torch.rand(1, 1, 5, 4).double())
