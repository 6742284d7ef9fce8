"""The fast networks: sizes, starts, and what stays as it is."""

import torch
from torch import nn

from residuum import create_model
from residuum.models import VARIANTS
from residuum.nn import Add, Block, BranchOnly


def test_the_plain_twin_differs_in_the_merge_of_the_second_blocks_alone():
    residual, plain = create_model("fast_resnet8"), create_model("fast_plain8")
    assert residual.state_dict().keys() == plain.state_dict().keys()
    pairs = zip(residual.stages, plain.stages, strict=True)
    merges = [(type(stage[1].merge), type(twin[1].merge)) for stage, twin in pairs]
    assert merges == [(Add, BranchOnly)] * 3
    assert all(type(stage[0].merge) is BranchOnly for stage in residual.stages)


def test_depth_counts_the_weighted_layers():
    model = create_model("fast_resnet8")
    weighted = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(weighted) == VARIANTS["fast_resnet8"].depth == 8
    deeper = create_model("fast_resnet", convolutions=[1, 2, 3])
    assert [sum(isinstance(layer, nn.Conv2d) for layer in stage[1].branch) for stage in deeper.stages] == [1, 2, 3]


def test_maps_halve_and_any_size_has_logits():
    model = create_model("fast_resnet", widths=[4, 8, 8]).eval()
    sizes, x = [], torch.randn(1, 3, 32, 32)
    for part in (model.stem, *model.stages):
        x = part(x)
        sizes.append(x.shape[-1])
    assert sizes == [32, 16, 8, 4]
    assert model(torch.randn(2, 3, 24, 24)).shape == model(torch.randn(2, 3, 8, 8)).shape == (2, 10)


def test_filters_start_by_passing_their_channel_on():
    model = create_model("fast_resnet", widths=[32, 40, 40])
    for block in (module for module in model.modules() if isinstance(module, Block)):
        conv = block.branch.conv1
        x = torch.randn(2, conv.in_channels, 6, 6)
        passed = conv(x)[:, : conv.in_channels]
        assert passed.equal(x[:, : passed.shape[1]])
    widening = model.stages[0][0].branch.conv1.weight
    assert widening[24:].std() > 0, "the others are drawn"


def test_norms_learn_their_shift_alone_and_the_head_starts_small():
    model = create_model("fast_resnet8")
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 6
    assert not any(norm.weight.requires_grad for norm in norms) and all(norm.bias.requires_grad for norm in norms)
    assert all(norm.momentum == 0.4 for norm in norms)
    assert 0.9 / 384 < model.head.fc.weight.std() < 1.1 / 384 and model.head.fc.bias is None
