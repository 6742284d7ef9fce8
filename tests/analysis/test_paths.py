"""Paths and flow of gradients against plain autograd, and carousels against their definition."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from residuum import create_model
from residuum.analysis.carousel import lstm_1997, lstm_2000, recurrent_tanh, through_depth, through_time
from residuum.analysis.gradient_flow import factor, flow, partners, row_and_slope
from residuum.analysis.paths import (
    BothWays,
    binomial,
    effective_depth,
    gradient_by_length,
    path_gradients,
    sampled_norms,
    shares,
)
from residuum.errors import InputError
from residuum.nn import Add, Block


@pytest.fixture(scope="module")
def went():
    torch.manual_seed(0)
    model = create_model("cifar_resnet", depth=14, in_chans=1)
    return row_and_slope(model, torch.randn(4, 1, 8, 8))


def test_lengths_sum_up_what_paths_give(went):
    row, slope, (_, first, *_) = went
    by_length = gradient_by_length(row, slope)
    paths = path_gradients(row, slope)
    assert len(by_length) == 7 and len(paths) == 64
    for length, gradient in enumerate(by_length):
        members = [path for choice, path in paths.items() if sum(choice) == length]
        assert len(members) == binomial(6)[length]
        assert torch.allclose(gradient, sum(members), atol=1e-12)
    assert torch.allclose(sum(by_length), first, atol=1e-12)  # also at batch statistics and outer activations


def test_a_drawn_path_is_one_of_all(went):
    row, slope, _ = went
    norms = {round(float(path.norm()), 9) for choice, path in path_gradients(row, slope).items() if sum(choice) == 2}
    draw = torch.Generator().manual_seed(0)
    single = sampled_norms(row, slope, [2], draw, count=1)[2]
    assert round(single, 9) in norms
    ends = sampled_norms(row, slope, [0, 6], draw, count=3)
    everything = path_gradients(row, slope)
    assert ends[0] == pytest.approx(float(everything[(False,) * 6].norm()))
    assert ends[6] == pytest.approx(float(everything[(True,) * 6].norm()))


def test_both_ways_of_a_block_by_hand():
    linear = nn.Linear(3, 3, bias=False).double()
    block = Block(linear, merge=Add())
    x, slope = torch.randn(2, 1, 3, dtype=torch.float64)
    from residuum.analysis.passages import Passage

    kept, used = BothWays(Passage("", block, x, {})).back(slope)
    assert torch.equal(kept, slope) and torch.allclose(used, slope @ linear.weight)
    assert torch.equal(BothWays(Passage("", block, x, {})).back_one(slope, through=True), used)


def test_shares_and_effective_depth():
    found = shares([torch.tensor([3.0, 4.0]), torch.zeros(2), torch.tensor([0.0, 15.0])])
    assert found == [0.25, 0.0, 0.75] and effective_depth(found) == 1.5


def test_partners_have_the_cosine_and_the_size():
    images = torch.randn(3, 1, 4, 4) * torch.tensor([1.0, 2.0, 5.0]).view(3, 1, 1, 1)
    one, other = partners(images, 0.9).flatten(1).chunk(2)
    assert torch.allclose(torch.cosine_similarity(one, other), torch.tensor(0.9, dtype=torch.float64))
    assert torch.allclose(one.norm(dim=1), other.norm(dim=1)) and torch.equal(one, images.double().flatten(1))


def test_the_flow_of_plain_and_residual_networks():
    images = partners(torch.randn(4, 1, 8, 8), 1.0)
    plain = flow(create_model("cifar_plain", depth=8, in_chans=1), images)
    residual = flow(create_model("cifar_resnet", depth=8, in_chans=1, zero_gamma=True), images)
    assert plain.rope == 0 and residual.rope == pytest.approx(1)  # nothing but the shortcuts counts
    assert plain.likeness == pytest.approx(1)  # the partner is the picture itself
    assert len(plain.sizes) == 4 and plain.sizes[-1] == 1
    assert factor([8.0, 4.0, 2.0, 1.0]) == pytest.approx(2)


def test_a_network_without_blocks_is_told():
    with pytest.raises(InputError, match="this analysis follows blocks, and Linear has none"):
        flow(nn.Linear(3, 2), torch.randn(2, 3, dtype=torch.float64))


def test_the_carousel_keeps_the_error_and_a_gate_lets_it_fade():
    kept, faded = (through_time(make(8), 6) for make in (lstm_1997, lstm_2000))
    assert kept.direct == pytest.approx([1] * 7) and kept.whole[1] != 1
    cell = lstm_2000(8)
    cell.forget.h.weight.data.zero_()
    cell.forget.x.weight.data.zero_()
    cell.forget.x.bias.data.fill_(math.log(3))  # f = 3 / 4 at every step
    cell.forget.h.bias.data.zero_()
    assert through_time(cell, 6).direct == pytest.approx([0.75**k for k in range(7)])
    assert faded.direct[-1] < 0.05
    assert recurrent_tanh(8, 6).direct == [1] + [0] * 6


def test_the_stream_keeps_the_error_and_a_gate_lets_it_fade():
    torch.manual_seed(0)
    found = {
        merge: through_depth(list(create_model("highway_mlp", depth=5, width=8, merge=merge).stages[0]), width=8)
        for merge in ("add", "gate", "branch_only")
    }
    assert found["add"].direct == pytest.approx([1] * 5)
    assert found["branch_only"].direct == [1, 0, 0, 0, 0]
    fading = found["gate"].direct
    assert all(later < earlier for earlier, later in pairwise(fading))
    assert all(error.whole[0] == pytest.approx(1) and error.whole[-1] > 0 for error in found.values())
