"""Stochastic depth: what is dropped is not computed, the expectation is kept, weights fit with and without."""

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
