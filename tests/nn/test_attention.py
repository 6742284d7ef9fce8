"""Attention and MLP branches: the fused kernel is the written-out equation; masks hide; norms stand where they say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from residuum.errors import InputError
from residuum.nn import Block
from residuum.nn.attention import MLP, NormFirst, SelfAttention, attend, last_norm, transformer_blocks
from residuum.nn.norms import NORMS, TokenBatchNorm, pick_norm


def written_out(attention, x, mask=None):
    """Return attention computed by the equation, head by head."""
    query, key, value = attention.qkv(x).chunk(3, dim=-1)
    size = x.shape[-1] // attention.heads
    heads = []
    for head in range(attention.heads):
        part = slice(head * size, (head + 1) * size)
        allowed = None if mask is None else mask.expand(len(x), attention.heads, x.shape[1], x.shape[1])[:, head]
        heads.append(attend(query[..., part], key[..., part], value[..., part], allowed))
    return attention.out(torch.cat(heads, dim=-1))


@settings(deadline=None, max_examples=40)
@given(
    batch=st.integers(1, 3),
    length=st.integers(1, 7),
    heads=st.integers(1, 4),
    size=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_fused_attention_is_the_equation(batch, length, heads, size, seed):
    torch.manual_seed(seed)
    attention = SelfAttention(heads * size, heads).double()
    x = torch.randn(batch, length, heads * size, dtype=torch.float64)
    for mask in (None, torch.rand(batch, 1, length, length) < 0.6, torch.rand(1, heads, length, length) < 0.6):
        torch.testing.assert_close(attention(x, mask), written_out(attention, x, mask), rtol=1e-10, atol=1e-12)


def test_attention_is_torchs():
    ours, theirs = SelfAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    nn.init.normal_(theirs.in_proj_bias)
    ours.load_state_dict(
        {
            "qkv.weight": theirs.in_proj_weight,
            "qkv.bias": theirs.in_proj_bias,
            "out.weight": theirs.out_proj.weight,
            "out.bias": theirs.out_proj.bias,
        }
    )
    x, hidden = torch.randn(2, 5, 12), torch.ones(5, 5).triu(1).bool()
    expected = theirs(x, x, x, attn_mask=hidden, need_weights=False)[0]
    torch.testing.assert_close(ours(x, ~hidden), expected, rtol=1e-5, atol=1e-6)


def test_a_position_that_may_see_nothing_gets_zeros_and_sends_back_finite_gradients():
    x = torch.randn(1, 2, 4, 3, requires_grad=True)
    mask = torch.tensor([[True, False, True, True], [False] * 4, [True] * 4, [False] * 4])
    y = attend(x, x, x, mask)
    assert y[:, :, [1, 3]].count_nonzero() == 0
    attention, z = SelfAttention(6, 2), torch.randn(1, 4, 6, requires_grad=True)
    torch.testing.assert_close(attention(z, mask)[:, 1], attention.out.bias[None])
    (gradient,) = torch.autograd.grad(attention(z, mask).sum(), z)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(("width", "heads"), [(10, 3), (4, 0)])
def test_width_must_be_a_multiple_of_heads(width, heads):
    with pytest.raises(InputError, match=f"width must be a multiple of heads, got width {width} and {heads} heads"):
        SelfAttention(width, heads)


def test_post_norm_stands_in_the_outer_activation_slot_and_pre_norm_in_the_branch():
    for block in transformer_blocks(2, 6, 2, order="post", norm=pick_norm("layer")):
        assert isinstance(block, Block) and isinstance(block.activation, nn.LayerNorm)
        assert isinstance(block.branch, SelfAttention | MLP)
    for block in transformer_blocks(2, 6, 2, order="pre", norm=pick_norm("layer")):
        assert isinstance(block.activation, nn.Identity) and isinstance(block.branch, NormFirst)
    assert isinstance(last_norm("post", pick_norm("layer"), 6), nn.Identity)
    assert isinstance(last_norm("pre", pick_norm("layer"), 6), nn.LayerNorm)


def test_pre_norm_stream_is_the_sum_of_what_the_branches_added_and_the_mask_reaches_them():
    blocks = [block.double() for block in transformer_blocks(3, 6, 2, order="pre", norm=pick_norm("layer"))]
    x = first = torch.randn(2, 4, 6, dtype=torch.float64)
    mask, added = torch.ones(4, 4).tril().bool(), torch.zeros_like(x)
    for block in blocks:
        added = added + block.branch(x, mask=mask)
        x = block(x, mask=mask)
    torch.testing.assert_close(x, first + added, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(blocks[0](first, mask=mask), blocks[0](first))


@pytest.mark.parametrize("order", ["post", "pre"])
@pytest.mark.parametrize("name", NORMS)
def test_every_branch_takes_either_norm(order, name):
    blocks = transformer_blocks(1, 6, 2, order=order, norm=pick_norm(name))
    kind = {"layer": nn.LayerNorm, "layer_1e-12": nn.LayerNorm, "batch": TokenBatchNorm}[name]
    for block in blocks:
        assert sum(isinstance(module, kind) for module in block.modules()) == 1
    y = nn.Sequential(*blocks)(torch.randn(3, 4, 6))
    y.square().sum().backward()
    assert all(p.grad is not None for block in blocks for p in block.parameters())


def test_unknown_parts_and_depth():
    with pytest.raises(InputError, match="order must be one of post, pre, got 'mid'"):
        transformer_blocks(1, 6, 2, order="mid", norm=pick_norm("layer"))
    with pytest.raises(InputError, match="norm must be one of layer, layer_1e-12, batch, got 'group'"):
        pick_norm("group")
    with pytest.raises(InputError, match="depth must be 1 or more transformer layers, got 0"):
        transformer_blocks(0, 6, 2, order="pre", norm=pick_norm("layer"))
