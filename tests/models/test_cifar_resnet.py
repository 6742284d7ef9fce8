"""CIFAR networks: depth, twins, the construction argument."""

import pytest
import torch
from model_peers import on_meta
from torch import nn

from residuum import create_model
from residuum.errors import InputError
from residuum.models.cifar_resnet import blocks_per_stage
from residuum.models.counts import count, count_parameters

IMAGE = (3, 32, 32)


@pytest.mark.parametrize("depth", [8, 14, 20, 1202])
def test_depth_counts_the_weighted_layers_of_the_longest_path(depth):
    model = on_meta(create_model, "cifar_resnet", depth=depth)
    weighted = [m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear) and "shortcut" not in n]
    assert len(weighted) == depth == 6 * blocks_per_stage(depth) + 2


@pytest.mark.parametrize(("depth", "advice"), [(21, "try 20 or 26"), (2, "try 8 or 14"), (0, "try 8 or 14")])
def test_other_depths_say_which_are_near(depth, advice):
    with pytest.raises(InputError, match=rf"depth must be 6n \+ 2 .* got {depth}; {advice}"):
        create_model("cifar_resnet", depth=depth)


@pytest.mark.parametrize("depth", [20, 56])
def test_option_a_twin_is_the_plain_net_but_for_the_addition(depth):
    residual, plain = (on_meta(create_model, name, depth=depth) for name in ("cifar_resnet", "cifar_plain"))
    assert count(residual, IMAGE) == count(plain, IMAGE)
    shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in (residual, plain)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("shortcut", "parameters"), [("A", 269_722), ("B", 272_474), ("C", 283_962)])
def test_shortcut_options_differ_by_their_projections(shortcut, parameters):
    model = on_meta(create_model, "cifar_resnet20", shortcut=shortcut)
    assert count_parameters(model) == parameters
    assert model(torch.empty(2, *IMAGE, device="meta")).shape == (2, 10)


def deepened(shallow, deep):
    """Put the shallow network's blocks first in each stage of the deep one and zero the last norm of the others."""
    deep.stem.load_state_dict(shallow.stem.state_dict())
    deep.head.load_state_dict(shallow.head.state_dict())
    for few, many in zip(shallow.stages, deep.stages, strict=True):
        for block, copy in zip(few, many[: len(few)], strict=True):
            copy.load_state_dict(block.state_dict())
        for extra in many[len(few) :]:
            nn.init.zeros_(extra.branch.norm2.weight)
    return deep


@pytest.mark.parametrize("training", [False, True])
def test_deeper_network_by_construction_computes_the_same_function_bit_for_bit(training):
    shallow = create_model("cifar_resnet", depth=8).train(training)
    deep = deepened(shallow, create_model("cifar_resnet", depth=20)).train(training)
    images, labels = torch.randn(4, *IMAGE), torch.arange(4)
    assert torch.equal(deep(images), shallow(images))
    losses = [nn.functional.cross_entropy(model(images), labels) for model in (shallow, deep)]
    assert torch.equal(*losses)


def test_zero_gamma_starts_every_block_as_its_shortcut():
    model = create_model("cifar_resnet", depth=8, shortcut="B", zero_gamma=True)
    x = torch.rand(2, 16, 8, 8)
    assert torch.equal(model.stages[0](x), x)
    block = model.stages[1][0]
    assert torch.equal(block(x), torch.relu(block.shortcut(x)))
