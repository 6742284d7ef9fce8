"""The transformer's two branches, and the two places where its norm can stand.

A layer of a transformer is two residual blocks, y = activation(x + branch(x)): first the branch is attention, then a
small network at each position. Post-norm (Vaswani et al. 2017) puts the norm into the outer activation slot; pre-norm
(GPT-2) puts it at the branch's beginning and leaves the stream clean, as He16 does with convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError, pick
from .block import Block
from .norms import MakeNorm


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(query key^T / sqrt(d)) value, written out: the reference for the fused kernel.

    Args:
        query, key, value: [N, heads, T, d].
        mask: true where a position (row) may see another (column), broadcast to [N, heads, T, T].

    A position that may see nothing gets zeros. Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask.any(dim=-1, keepdim=True), 0.0)
    return weights @ value


class SelfAttention(nn.Module):
    """Every position gathers from all positions that it may see: [N, T, width] -> [N, T, width].

    Args:
        width: features of a position.
        heads: attentions side by side, each over width / heads features.

    Raises:
        InputError: width is no multiple of heads.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise InputError(f"width must be a multiple of heads, got width {width} and {heads} heads")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the gathered features; mask is true where a row may see a column, broadcast to [N, heads, T, T]."""
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        gathered = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(gathered.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers at each position, four times as wide between: [..., width] -> [..., width].

    Accepts the block's context and ignores it. Source: Vaswani et al. 2017, eq. 2.
    """

    def __init__(self, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.act = activation
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, **context: Any) -> Tensor:
        """Return fc2(act(fc1(x)))."""
        return self.fc2(self.act(self.fc1(x)))


class NormFirst(nn.Module):
    """layer(norm(x)): a branch that begins with its norm."""

    def __init__(self, norm: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.layer = layer

    def forward(self, x: Tensor, **context: Any) -> Tensor:
        """Return the layer's output; the layer receives the context."""
        return self.layer(self.norm(x), **context)


def post_norm(branch: nn.Module, norm: nn.Module) -> Block:
    """Build y = norm(x + branch(x)) (Vaswani et al. 2017; BERT, GPT)."""
    return Block(branch, activation=norm)


def pre_norm(branch: nn.Module, norm: nn.Module) -> Block:
    """Build y = x + branch(norm(x)) (GPT-2, ViT; Xiong et al. 2020, arXiv:2002.04745)."""
    return Block(NormFirst(norm, branch))


def no_norm(width: int) -> nn.Module:
    """Build the identity, which follows a post-norm stack: its last block ends in a norm."""
    return nn.Identity()


ORDERS: dict[str, Callable[[nn.Module, nn.Module], Block]] = {"post": post_norm, "pre": pre_norm}


def transformer_blocks(
    depth: int, width: int, heads: int, *, order: str, norm: MakeNorm, activation: Callable[[], nn.Module] = nn.GELU
) -> list[Block]:
    """Build 2 * depth blocks, attention and MLP in turn.

    Args:
        depth: layers of the transformer.
        width: features of a position.
        heads: attentions side by side.
        order: "post" or "pre", where the norm stands.
        norm: maker of the norm.
        activation: maker of the MLP's activation.

    Raises:
        InputError: an unknown order, depth under 1, a width that is no multiple of heads.
    """
    if depth < 1:
        raise InputError(f"depth must be 1 or more transformer layers, got {depth}")
    block = pick_block(order)
    blocks: list[Block] = []
    for _ in range(depth):
        blocks.append(block(SelfAttention(width, heads), norm(width)))
        blocks.append(block(MLP(width, activation()), norm(width)))
    return blocks


def pick_block(name: str) -> Callable[[nn.Module, nn.Module], Block]:
    """Return the block maker of that order, or say which there are."""
    return pick(ORDERS, name, "order")


def last_norm(order: str, norm: MakeNorm, width: int) -> nn.Module:
    """Build the layer behind the last block: a norm where the stream is clean, nothing where it ends in one."""
    return {"post": no_norm, "pre": norm}[order](width)
