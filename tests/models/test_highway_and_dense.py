"""Convolutional Highway, dense, wide and stochastic networks: what makes each one what it is."""

import pytest
import torch
from model_peers import on_meta
from torch import nn

from residuum import create_model
from residuum.nn import Block, BranchOnly, Concatenate, Gate, UncoupledGate


def highway(bias, **arguments):
    model = create_model("cifar_highway", depth=8, **arguments).eval()
    for module in model.modules():
        if isinstance(module, Gate | UncoupledGate):
            for gate in module.children():
                nn.init.zeros_(gate.weight)
                nn.init.constant_(gate.bias, bias)
    return model


@pytest.mark.parametrize(("gates", "biases"), [("coupled", [-2.5]), ("uncoupled", [-2.5, 2.5])])
def test_new_gates_carry(gates, biases):
    model = create_model("cifar_highway20", gates=gates, gate_bias=-2.5)
    found = [gate.bias for m in model.modules() if isinstance(m, Gate | UncoupledGate) for gate in m.children()]
    assert len(found) == 18 * len(biases)
    assert all((bias == biases[i % len(biases)]).all() for i, bias in enumerate(found))


def test_shut_gates_carry_and_open_gates_compute():
    x = torch.randn(2, 16, 8, 8)
    shut, opened = highway(-1000.0), highway(1000.0)
    assert torch.equal(shut.stages[0](x), x)
    for stage in opened.stages:
        plain = nn.Sequential(*(Block(block.branch, merge=BranchOnly()) for block in stage))
        assert torch.equal(stage(x), plain(x))
        x = stage(x)


def test_gateless_highway_is_residual():
    x = torch.randn(2, 16, 8, 8)
    stage = highway(1000.0, gates="uncoupled").stages[0]
    assert torch.equal(stage(x), nn.Sequential(*(Block(block.branch) for block in stage))(x))


@pytest.mark.parametrize(("name", "depth", "step"), [("cifar_densenet", 10, 12), ("cifar_densenet_bc", 16, 12)])
def test_dense_layers_keep_all_that_came_before(name, depth, step):
    model = create_model(name, depth=depth).eval()
    x = model.stem(torch.randn(1, 3, 8, 8))
    for stage in model.stages:
        for block in stage:
            y = block(x)
            if isinstance(block.merge, Concatenate):
                assert torch.equal(y[:, : x.shape[1]], x)
                assert y.shape[1] == x.shape[1] + step
            x = y


def test_transitions_of_bc_halve_the_channels_and_others_keep_them():
    for name, depth, ratio in (("cifar_densenet", 10, 1), ("cifar_densenet_bc", 16, 2)):
        convolution = on_meta(create_model, name, depth=depth).stages[1][0].branch.conv1
        assert convolution.in_channels == ratio * convolution.out_channels


def test_wide_networks_drop_between_their_convolutions():
    branch = create_model("cifar_wide_resnet", depth=10, widen=1, dropout=0.3).stages[0][0].branch
    assert [name for name, _ in branch.named_children()] == ["conv1", "norm2", "act2", "drop", "conv2"]
    assert branch.drop.p == 0.3


def test_stochastic_depth_of_the_paper_by_name():
    model = on_meta(create_model, "cifar_resnet110_stochastic")
    drops = [block.branch.drop for block in model.modules() if isinstance(block, Block)]
    assert len(drops) == 54 and drops[-1] == 0.5 and drops[26] == pytest.approx(0.25)
    assert model.state_dict().keys() == on_meta(create_model, "cifar_resnet110").state_dict().keys()


@pytest.mark.parametrize("version", ["conv1", "conv2"])
def test_where_the_bottlenecks_stride_stands(version):
    branch = on_meta(create_model, "resnet", depth=50, stride_on=version).stages[1][0].branch
    strided = [name for name, layer in branch.named_children() if getattr(layer, "stride", 1) == (2, 2)]
    assert strided == [version]


def test_norms_are_a_word_away():
    plain = create_model("cifar_plain", depth=8, norm="none")
    assert not [m for m in plain.modules() if isinstance(m, nn.BatchNorm2d)]
    layered = create_model("cifar_resnet", depth=8, norm="layer", zero_gamma=True)
    x = torch.rand(2, 16, 4, 4)
    assert torch.equal(layered.stages[0](x), x)
