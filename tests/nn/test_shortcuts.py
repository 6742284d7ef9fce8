"""Shortcuts: shapes, zeros where they belong, no parameters where none are due."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from residuum.errors import InputError
from residuum.nn import SHORTCUTS, PadShortcut, option_a, option_b, option_c
from residuum.nn.shortcuts import pick_shortcut

sizes = st.integers(1, 9)


@given(before=sizes, missing=st.integers(0, 9), stride=st.integers(1, 3), height=sizes, width=sizes)
def test_option_a_subsamples_and_pads_half_before_half_after(before, missing, stride, height, width):
    x = torch.randn(2, before, height, width)
    y = PadShortcut(before, before + missing, stride)(x)
    first = missing // 2
    assert y.shape == (2, before + missing, -(-height // stride), -(-width // stride))
    assert torch.equal(y[:, first : first + before], x[:, :, ::stride, ::stride])
    assert y[:, :first].count_nonzero() == y[:, first + before :].count_nonzero() == 0


@pytest.mark.parametrize("name", SHORTCUTS)
@pytest.mark.parametrize("size", [1, 7, 8])
def test_every_shortcut_has_the_shape_of_a_strided_convolution(name, size):
    shortcut = SHORTCUTS[name](4, 6, 2).eval()
    assert shortcut(torch.randn(2, 4, size, size)).shape == (2, 6, -(-size // 2), -(-size // 2))


def test_only_option_c_projects_where_shapes_agree():
    assert isinstance(option_a(4, 4, 1), nn.Identity)
    assert isinstance(option_b(4, 4, 1), nn.Identity)
    assert not isinstance(option_c(4, 4, 1), nn.Identity)
    assert not list(option_a(4, 8, 2).parameters())


def test_option_a_cannot_drop_channels():
    with pytest.raises(InputError, match="option A can only add channels: got 8 -> 4; use option B"):
        option_a(8, 4, 1)


def test_unknown_name():
    with pytest.raises(InputError, match=r"shortcut must be one of A, B, C.* got 'Z'"):
        pick_shortcut("Z")
