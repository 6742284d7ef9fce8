"""Stochastic depth: what is dropped is not computed, the expectation is kept, weights fit with and without."""

import copy

import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.nn import (
    Block,
    DropPath,
    StochasticDepth,
    linear_decay,
    linear_decay_from_zero,
    stochastic_depth,
)


class Counting(nn.Module):
    """Multiply by 3 and remember how many images passed."""

    def __init__(self):
        super().__init__()
        self.images = 0

    def forward(self, x):
        self.images += len(x)
        return 3 * x


def test_a_dropped_branch_is_not_computed_and_adds_nothing():
    counting = Counting()
    block = Block(StochasticDepth({"layer": counting}, drop=0.5))
    x = torch.ones(2, 4)
    kept = 0
    for _ in range(200):
        before = counting.images
        y = block(x)
        assert torch.equal(y, 4 * x if counting.images > before else x)
        kept += counting.images > before
    assert 70 < kept < 130  # four standard deviations


def test_dropped_images_do_not_pass_the_branch():
    counting = Counting()
    branch = DropPath({"layer": counting}, drop=0.25)
    x = torch.ones(4000, 1)
    y = branch(x)
    assert set(y.flatten().tolist()) == {0.0, 4.0}
    assert counting.images == (y != 0).sum()
    assert abs(counting.images / 4000 - 0.75) < 0.03


def test_evaluation_scales_as_the_paper_says_and_not_as_timm_does():
    x = torch.randn(3, 2)
    torch.testing.assert_close(StochasticDepth({"layer": Counting()}, 0.3).eval()(x), 0.7 * 3 * x)
    assert torch.equal(DropPath({"layer": Counting()}, 0.3).eval()(x), 3 * x)


def test_what_a_block_adds_keeps_its_expectation():
    x = torch.ones(1, 1)
    paper, timm = StochasticDepth({"layer": Counting()}, 0.3), DropPath({"layer": Counting()}, 0.3)
    mean = torch.stack([paper(x).expand(1, 1) for _ in range(4000)]).mean()
    assert abs(mean - paper.eval()(x)).item() < 0.1
    assert abs(timm(torch.ones(20000, 1)).mean() - 3).item() < 0.1


def test_gradients_reach_only_survivors():
    branch = DropPath({"fc": nn.Linear(2, 2)}, 0.5)
    x = torch.randn(64, 2, requires_grad=True)
    y = branch(x)
    y.sum().backward()
    assert torch.equal((x.grad != 0).any(1), (y != 0).any(1))


def test_dropping_everything_leaves_the_stream():
    torch.manual_seed(0)
    block = Block(DropPath({"layer": Counting()}, 0.99))
    assert torch.equal(block(torch.ones(1, 3)), torch.ones(1, 3))


def branch_of_norms(map_size):
    """Return a branch whose second norm sees half the map of its first."""
    torch.manual_seed(0)
    layers = {"norm1": nn.BatchNorm2d(3), "conv": nn.Conv2d(3, 3, 3, 2, 1), "norm2": nn.BatchNorm2d(3)}
    return DropPath(layers, 0.5), torch.randn(4, 3, map_size, map_size)


def only(branch, number):
    """Let one image of each batch survive."""
    branch.lots.survivors = lambda images, drop: torch.tensor([number])
    return branch


@pytest.mark.parametrize(("map_size", "survivor", "companion"), [(2, 1, 2), (2, 3, 0), (1, 0, 1)])
def test_a_lone_survivor_is_normalised_with_its_neighbour(map_size, survivor, companion):
    branch, x = branch_of_norms(map_size)
    alone = only(copy.deepcopy(branch), survivor)
    y = alone(x)
    expected = branch.norm2(branch.conv(branch.norm1(x[[survivor, companion]])))[0] / 0.5
    assert torch.equal(y[survivor], expected)
    assert (y.flatten(1) != 0).any(1).nonzero().flatten().tolist() == [survivor]
    assert all(torch.equal(alone.state_dict()[key], value) for key, value in branch.state_dict().items())
    y.sum().backward()
    assert alone.conv.weight.grad.isfinite().all()


def test_a_lone_survivor_with_a_map_passes_alone():
    branch, x = branch_of_norms(4)
    alone = only(copy.deepcopy(branch), 2)
    y = alone(x)
    assert torch.equal(y[2], branch.norm2(branch.conv(branch.norm1(x[2:3])))[0] / 0.5)


def test_a_batch_of_one_without_a_map_is_refused_as_torch_does():
    branch, x = branch_of_norms(1)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        only(branch, 0)(x[:1])


def test_other_errors_of_a_branch_are_not_hidden():
    class Failing(nn.Module):
        def forward(self, x):
            raise ValueError("a shape is wrong")

    with pytest.raises(ValueError, match="a shape is wrong"):
        only(DropPath({"layer": Failing()}, 0.5), 0)(torch.ones(2, 3))


def test_training_with_small_batches_and_a_map_of_one_value_runs():
    from residuum import create_model

    model = create_model("cifar_resnet", depth=8, widths=(4, 8, 8), in_chans=1)
    model = stochastic_depth(model, 0.9, "timm").train()
    for _ in range(20):
        model(torch.randn(3, 1, 4, 4)).sum().backward()
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_linear_rules():
    assert linear_decay(4, 0.5) == [0.125, 0.25, 0.375, 0.5]
    assert linear_decay_from_zero(5, 0.4) == [0.0, 0.1, 0.2, pytest.approx(0.3), 0.4]
    assert linear_decay_from_zero(1, 0.4) == [0.0]


def chain():
    return nn.Sequential(*(Block(nn.Sequential(nn.Linear(2, 2), nn.Tanh())) for _ in range(4)))


@pytest.mark.parametrize(
    ("convention", "chances"), [("paper", [0.1, 0.2, 0.3, 0.4]), ("timm", [0, 0.4 / 3, 0.8 / 3, 0.4])]
)
def test_applied_to_a_model_the_keys_stay(convention, chances):
    keys = set(chain().state_dict())
    model = stochastic_depth(chain(), 0.4, convention)
    assert set(model.state_dict()) == keys
    assert [block.branch.drop for block in model] == pytest.approx(chances)
    assert "drop=0.4" in repr(model)


def test_no_drop_changes_nothing():
    model = stochastic_depth(chain(), 0.0)
    assert all(type(block.branch) is nn.Sequential for block in model)


def test_errors():
    with pytest.raises(InputError, match="a drop probability must be at least 0 and below 1, got 1"):
        stochastic_depth(chain(), 1)
    with pytest.raises(InputError, match="convention must be one of paper, timm, got 'keras'"):
        stochastic_depth(chain(), 0.1, "keras")
    with pytest.raises(InputError, match="needs blocks whose branch is a sequence of layers"):
        stochastic_depth(nn.Sequential(Block(nn.Linear(2, 2))), 0.1)
