"""Gradients of new stacks: how their size and their similarity at nearby inputs change with depth (Bal17).

Four stacks of fully connected blocks, which differ only in two parts: ``W relu(x)`` or ``x + W relu(x)``, without norm
or with a batch norm before the ReLU; W from N(0, 2 / width), no biases. Inputs come in pairs of a given cosine; the
error is a random direction at the output, another one for each pair, the same for both of its members.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..nn import Add, Block, BranchOnly
from ..nn.norms import TokenBatchNorm
from ..seeds import drawing

MERGES = {"plain": BranchOnly, "residual": Add}
NORMS = {"none": nn.Identity, "batch": TokenBatchNorm}
STACKS = [(kind, norm) for kind in MERGES for norm in NORMS]


@dataclass(frozen=True)
class Signal:
    """The gradients of a new stack."""

    norms: Tensor  # float64 [blocks + 1]: of the gradient at the stream before each block, and at the end (last)
    correlations: (
        Tensor  # float64 [depths]: of the inputs' gradients at both members of a pair, for stacks of each depth
    )
    likenesses: Tensor  # float64 [blocks + 1]: the same at the stream before each block of the deepest stack
    cosines: Tensor  # float64 [blocks + 1]: of the pairs' streams (about the batch's mean, where there is a norm)
    variances: Tensor  # float64 [blocks + 1]: of the stream over the batch, mean over units


def stack(kind: str, norm: str, blocks: int, width: int) -> nn.Sequential:
    """Build a new stack in float64 and train mode; weights come from torch's global generator.

    Raises:
        InputError: an unknown kind or norm.
    """
    if kind not in MERGES or norm not in NORMS:
        raise InputError(
            f"a stack must be of kind {' or '.join(MERGES)} and norm {' or '.join(NORMS)}, got {kind!r} and {norm!r}"
        )

    def block() -> Block:
        linear = nn.Linear(width, width, bias=False)
        nn.init.normal_(linear.weight, std=math.sqrt(2 / width))
        branch = nn.Sequential(OrderedDict(norm=NORMS[norm](width), act=nn.ReLU(), fc=linear))
        return Block(branch, merge=MERGES[kind]())

    return nn.Sequential(*(block() for _ in range(blocks))).double()


def measure(
    kind: str, norm: str, depths: Sequence[int], *, width: int = 256, batch: int = 256, rho: float = 0.9, seed: int = 0
) -> Signal:
    """Return the gradients of a new stack of the largest depth, and of its first blocks at the other depths.

    Args:
        kind: "plain" or "residual".
        norm: "none" or "batch".
        depths: numbers of blocks.
        width: units.
        batch: inputs; half of them are the others' partners.
        rho: cosine of the members of a pair.
        seed: of the stream ``laws``.
    """
    with drawing(seed, "laws"):
        blocks = stack(kind, norm, max(depths), width)
        one, other = torch.randn(2, batch // 2, width, dtype=torch.float64)
        partner = rho * one + math.sqrt(1 - rho**2) * other
        towards = torch.randn(batch // 2, width, dtype=torch.float64).repeat(2, 1)
    x = torch.cat([one, partner]).requires_grad_(True)
    streams = [x]
    for block in blocks:
        streams.append(block(streams[-1]))
    correlations = [
        likeness(torch.autograd.grad((streams[depth] * towards).sum(), x, retain_graph=True)[0]) for depth in depths
    ]
    slopes = torch.autograd.grad((streams[-1] * towards).sum(), streams)
    seen = [s.detach() - (s.detach().mean(0) if norm == "batch" else 0) for s in streams]
    return Signal(
        torch.stack([slope.norm() for slope in slopes]),
        torch.tensor(correlations, dtype=torch.float64),
        torch.tensor([likeness(slope) for slope in slopes], dtype=torch.float64),
        torch.tensor([likeness(s) for s in seen], dtype=torch.float64),
        torch.stack([s.square().mean() for s in seen]),
    )


def likeness(rows: Tensor) -> float:
    """Return the cosine between the first and the second half of the rows, over all pairs together."""
    one, other = rows.chunk(2)
    return float((one * other).sum() / (one.norm() * other.norm()))
