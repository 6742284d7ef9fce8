"""Networks that differ in their additions alone."""

import pytest
import torch

from residuum import create_model
from residuum.errors import InputError
from residuum.nn import Add, Block, BranchOnly


@pytest.mark.parametrize("length", [1, 2, 3])
def test_skips_of_any_length_lead_past_the_same_layers(length):
    model = create_model("cifar_resnet", depth=20, skip_length=length)
    twin = create_model("cifar_plain", depth=20)
    assert [tuple(p.shape) for p in model.parameters()] == [tuple(p.shape) for p in twin.parameters()]
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    assert len(blocks) == 18 // length and all(isinstance(block.merge, Add) for block in blocks)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_skips_of_two_are_the_published_network():
    networks = []
    for arguments in ({}, {"skip_length": 2}):
        torch.manual_seed(0)
        networks.append(create_model("cifar_resnet", depth=8, **arguments).state_dict())
    assert networks[0].keys() == networks[1].keys()
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


@pytest.mark.parametrize("length", [0, 3, 4])
def test_a_length_that_divides_no_stage_is_refused(length):
    with pytest.raises(InputError, match=f"skip_length must divide the 10 convolutions of a stage, got {length}"):
        create_model("cifar_resnet", depth=32, skip_length=length)


def test_a_plain_preactivation_network_carries_nothing():
    model = create_model("cifar_preact_resnet", depth=29, plain=True)
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    assert len(blocks) == 9 and all(isinstance(block.merge, BranchOnly) for block in blocks)
    assert not any(list(block.shortcut.parameters()) for block in blocks)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    with pytest.raises(InputError, match="a plain network cannot drop branches"):
        create_model("cifar_preact_resnet", depth=29, plain=True, stochastic_depth=0.5)
