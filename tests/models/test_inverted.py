"""MobileNets, RegNet and ConvNeXt: what their tables and parts promise beside the logits of their peers."""

import pytest
import torch
from model_peers import on_meta
from torch import nn

import residuum
from residuum import create_model
from residuum.errors import InputError
from residuum.models import regnet
from residuum.nn import Add, Block, BranchOnly, DropPath, SqueezeExcite
from residuum.nn.branches import grouped_branch
from residuum.nn.channels import ChannelNorm, ChannelScale
from residuum.weights import convert


def blocks(model):
    return [module for module in model.modules() if isinstance(module, Block)]


def test_a_norm_over_channels_is_a_layer_norm_of_each_position():
    norm, images = ChannelNorm(6), torch.randn(2, 6, 4, 5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    reference = nn.LayerNorm(6, eps=1e-6)
    reference.load_state_dict(norm.state_dict())
    for row in range(4):
        for column in range(5):
            expected = reference(images[:, :, row, column])
            torch.testing.assert_close(norm(images)[:, :, row, column], expected)


def test_a_convnext_block_starts_as_its_shortcut():
    model = create_model("convnext_tiny", num_classes=2).eval()
    block, images = model.stages[0][0], torch.randn(1, 96, 8, 8)
    change = (block(images) - images).abs().max()
    assert 0 < change < 1e-4
    with torch.no_grad():
        block.branch.scale.weight.fill_(1.0)
    assert (block(images) - images).abs().max() > 1e4 * change


def test_a_scale_multiplies_channels_that_stand_last():
    scale = ChannelScale(3, 0.5)
    with torch.no_grad():
        scale.weight[1] = 2.0
    assert torch.equal(scale(torch.ones(1, 2, 2, 3))[0, 0, 0], torch.tensor([0.5, 2.0, 0.5]))


@pytest.mark.parametrize(("name", "last"), [("convnext_tiny", 0.1), ("convnext_small", 0.4), ("convnext_base", 0.5)])
def test_convnext_drops_later_branches_more_often(name, last):
    residual = [block for block in blocks(on_meta(create_model, name)) if isinstance(block.merge, Add)]
    chances = [block.branch.drop if isinstance(block.branch, DropPath) else 0.0 for block in residual]
    expected = [last * number / (len(residual) - 1) for number in range(len(residual))]
    assert chances == pytest.approx(expected)


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "convnext_tiny"])
def test_what_changes_its_shape_carries_nothing(name):
    model = on_meta(create_model, name).eval()
    shapes = {}
    for block in blocks(model):
        block.register_forward_hook(lambda block, x, y: shapes.update({block: (x[0].shape, y.shape)}))
    model(torch.empty(1, 3, 64, 64, device="meta"))
    for block, (before, after) in shapes.items():
        assert isinstance(block.merge, Add if before == after else BranchOnly)


def test_mobilenet_v3_has_gates_and_activations_where_its_table_has_them():
    rows = blocks(on_meta(create_model, "mobilenet_v3_large"))
    gated = [any(isinstance(part, SqueezeExcite) for part in block.modules()) for block in rows]
    swish = [any(isinstance(part, nn.Hardswish) for part in block.modules()) for block in rows]
    assert gated == [False] * 3 + [True] * 3 + [False] * 4 + [True] * 5
    assert swish == [False] * 6 + [True] * 9


def test_a_mobilenet_of_another_width_is_recognised(tmp_path):
    model = create_model("mobilenet_v2", width=0.5, num_classes=3).eval()
    assert model.num_features == 1280
    torch.save(model.state_dict(), tmp_path / "w.pth")
    again = residuum.load(tmp_path / "w.pth")
    assert (again.description.model, again.description.arguments) == ("mobilenet_v2", {"width": 0.5, "num_classes": 3})
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(again(images), model(images))


@pytest.mark.parametrize("group_width", [8, 24, 100])
def test_groups_are_as_wide_as_asked_or_as_the_block(group_width):
    branch = grouped_branch(16, 48, 2, group_width=group_width, gate=lambda width: SqueezeExcite(width, 4))
    assert branch.conv2.groups == 48 // min(group_width, 48)
    assert list(dict(branch.named_children())) == [
        *("conv1", "norm1", "act1", "conv2", "norm2", "act2"),
        *("se", "conv3", "norm3"),
    ]


@pytest.mark.parametrize("tables", [regnet.X_TABLES, regnet.Y_TABLES])
def test_every_width_of_regnet_is_a_number_of_groups(tables):
    for table in tables.values():
        assert all(width % min(width, table.group_width) == 0 for width in table.widths)
        assert list(table.widths) == sorted(table.widths) and len(table.blocks) == len(table.widths) == 4


def test_a_network_that_a_library_does_not_have_is_not_given_its_names(tmp_path):
    """The rows of EfficientNet spell EfficientNet-Lite too, but torchvision has no such network."""
    model = on_meta(create_model, "efficientnet_lite0", num_classes=2)
    torch.save({key: torch.ones(value.shape) for key, value in model.state_dict().items()}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="torchvision .* must have a name for every tensor, got none for stages.0"):
        convert(tmp_path / "w.pth", "torchvision", tmp_path / "out.pth")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mobilenet_v2", {"width": 0.0}, r"width must be a factor above 0 \(1.0 as published\), got 0.0"),
        ("mobilenet_v3", {"size": "medium"}, "size must be one of large, small, got 'medium'"),
        ("regnet_x", {"size": "400MF"}, "size must be one of 200mf, .*, got '400MF'; did you mean 400mf"),
        ("regnet_y", {"size": "64gf"}, "size must be one of 200mf, .*, got '64gf'"),
        ("convnext", {"size": "huge"}, "size must be one of tiny, small, base, got 'huge'"),
        ("convnext", {"stochastic_depth": 1.0}, "a drop probability must be at least 0 and below 1, got 1.0"),
    ],
)
def test_impossible_arguments(name, arguments, message):
    with pytest.raises(InputError, match=message):
        on_meta(create_model, name, **arguments)
