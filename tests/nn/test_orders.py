"""The five orders of He16 table 2, written out layer by layer."""

import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.nn import ORDERS, arrange
from residuum.nn.branches import basic_convolutions, bottleneck_convolutions, bottleneck_v1_convolutions
from residuum.nn.image_norms import IMAGE_NORMS, pick_image_norm
from residuum.nn.orders import outer, pick_order

# He16 figure 4: the branch, and what stands behind the addition
FIGURE_4 = {
    "original": ("conv1 norm1 act1 conv2 norm2", "act"),
    "norm_after_add": ("conv1 norm1 act1 conv2", "norm act"),
    "act_before_add": ("conv1 norm1 act1 conv2 norm2 act2", ""),
    "act_preactivation": ("act1 conv1 norm1 act2 conv2 norm2", ""),
    "full_preactivation": ("norm1 act1 conv1 norm2 act2 conv2", ""),
}
KINDS = {"conv": nn.Conv2d, "norm": nn.BatchNorm2d, "act": nn.ReLU}


@pytest.mark.parametrize("name", ORDERS)
def test_branch_reads_as_in_the_figure(name):
    inside, outside = FIGURE_4[name]
    branch = arrange(basic_convolutions(3, 8, 2), ORDERS[name])
    assert [layer for layer, _ in branch.named_children()] == inside.split()
    assert all(isinstance(layer, KINDS[key[:-1]]) for key, layer in branch.named_children())
    assert ORDERS[name].outside == tuple(outside.split())
    assert branch(torch.randn(2, 3, 7, 7)).shape == (2, 8, 4, 4)


@pytest.mark.parametrize(
    ("kinds", "expected"), [((), nn.Identity), (("act",), nn.ReLU), (("norm", "act"), nn.Sequential)]
)
def test_what_stands_outside(kinds, expected):
    layer = outer(kinds, 4)
    assert type(layer) is expected
    assert (layer(torch.randn(2, 4, 3, 3)) < 0).any() == (kinds == ())


def test_the_stride_stands_where_its_version_has_it():
    assert [conv.stride[0] for conv in bottleneck_v1_convolutions(8, 16, 2)] == [2, 1, 1]
    assert [conv.stride[0] for conv in bottleneck_convolutions(8, 16, 2)] == [1, 2, 1]
    assert [conv.stride[0] for conv in basic_convolutions(8, 16, 2)] == [2, 1]


def test_groups_and_widths_of_a_bottleneck():
    grouped = bottleneck_convolutions(64, 256, groups=32, base_width=4)
    assert [conv.out_channels for conv in grouped] == [128, 128, 256]
    assert [conv.groups for conv in grouped] == [1, 32, 1]
    wide = bottleneck_convolutions(64, 256, base_width=128)
    assert [conv.out_channels for conv in wide] == [128, 128, 256]


def test_unknown_order():
    with pytest.raises(InputError, match=r"order must be one of original, .* got 'preactivation'; did you mean"):
        pick_order("preactivation")


def test_norms_by_name():
    x = 3 + 2 * torch.randn(4, 6, 5, 5)
    batch, layer, none = (IMAGE_NORMS[name](6)(x) for name in ("batch", "layer", "none"))
    torch.testing.assert_close(batch.mean((0, 2, 3)), torch.zeros(6), rtol=0, atol=1e-5)
    torch.testing.assert_close(layer.mean((1, 2, 3)), torch.zeros(4), rtol=0, atol=1e-5)
    assert torch.equal(none, x)
    with pytest.raises(InputError, match="norm must be one of batch, layer, none, got 'group'"):
        pick_image_norm("group")
