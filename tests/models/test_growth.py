"""A grown network computes the same function, bit for bit."""

import pytest
import torch
import torch.nn.functional as F

from residuum import create_model
from residuum.errors import InputError
from residuum.models import describe
from residuum.models.growth import deepen


def trained_a_little(name, **arguments):
    """Return a network whose every parameter and running statistic has moved from where it started."""
    model = create_model(name, **arguments)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        loss = F.cross_entropy(model(torch.rand(8, 3, 16, 16)), torch.arange(8))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


GROWING = [
    ("cifar_resnet", {"depth": 8}, 20),
    ("cifar_resnet", {"depth": 14, "shortcut": "B"}, 20),
    ("cifar_resnet", {"depth": 14, "norm": "none"}, 32),
    ("cifar_preact_resnet", {"depth": 20}, 29),
    ("cifar_preact_resnet", {"depth": 20, "branch": "basic", "shortcut": "A"}, 32),
]


@pytest.mark.parametrize(("name", "arguments", "depth"), GROWING)
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_a_grown_network_computes_the_same_function(name, arguments, depth, training):
    model = trained_a_little(name, **arguments).train(training)
    grown = deepen(model, depth)
    images = torch.randn(4, 3, 16, 16)
    assert grown.training == training and describe(grown).arguments["depth"] == depth
    assert sum(1 for _ in grown.parameters()) > sum(1 for _ in model.parameters())
    with torch.no_grad():
        assert torch.equal(grown(images), model(images))


def test_it_learns_in_its_new_blocks_and_leaves_the_old_network_alone():
    model = trained_a_little("cifar_resnet", depth=8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grown = deepen(model, 14)
    first = F.cross_entropy(grown(torch.rand(8, 3, 16, 16)), torch.arange(8))
    first.backward()
    block = grown.stages[1][1].branch
    assert block.norm2.weight.grad.abs().sum() > 0 and torch.equal(block.norm2.weight, torch.zeros(32))
    with torch.no_grad():
        for parameter in grown.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_cannot_grow_is_named():
    with pytest.raises(InputError, match="more layers than it has, got 8 for cifar_resnet of depth 14"):
        deepen(create_model("cifar_resnet", depth=14), 8)
    with pytest.raises(InputError, match="got Block with BranchOnly; grow a residual network with shortcut A or B"):
        deepen(create_model("cifar_plain", depth=8), 14)
    with pytest.raises(InputError, match="stage of one block that also ends it cannot grow.*begin with two blocks"):
        deepen(create_model("cifar_preact_resnet", depth=11), 20)
    with pytest.raises(InputError, match="can start as the identity, got Block with Add"):
        deepen(create_model("cifar_resnet", depth=8, shortcut="C"), 14)
