"""Law 6: a residual network is a sum over paths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...nn import Block
from ...seeds import drawing
from ..passages import Passage, carries_nothing, chains, watching
from ..paths import binomial, choices, effective_depth, gradient_by_length, path_gradients, shares
from .outcome import Comparison, Outcome, does_not_apply
from .subject import Subject

MOST_BLOCKS = 6  # 64 paths are enumerated
WIDTH = 16  # of the linear network


def path_sum(subject: Subject) -> Outcome:
    """Law 6. n residual blocks hold 2^n paths, binomially many of each length, and their sum is the whole.

    Forward this is exact in the linear case: a net of 6 blocks x + W x is compared with the sum of its 64 products of
    matrices. Backward it is exact in every residual network at the activations of its pass: the gradients of all paths
    through the network's last blocks (at most 6) are enumerated and added up, and compared with the gradient that
    the network's own backward pass gives; so are the sums by length, of which there are n + 1.

    Source: Vei16 section 3 and eq. 6.
    """
    comparison = Comparison()
    whole, parts = linear_paths()
    comparison.add(whole, torch.stack(list(parts.values())).sum(0), list(parts.values()))
    with watching(subject.network) as passages:
        error = subject.loss()
    row = last_carrying(passages)
    if len(row) < 2:
        return does_not_apply(why_one_path(passages))
    gradient, slope = torch.autograd.grad(error, [row[0].x, row[-1].y])
    by_path = path_gradients(row, slope)
    comparison.add(gradient, torch.stack(list(by_path.values())).sum(0), list(by_path.values()))
    by_length = gradient_by_length(row, slope)
    for length, found in enumerate(by_length):
        members = [path for choice, path in by_path.items() if sum(choice) == length]
        if len(members) != binomial(len(row))[length]:
            comparison.worst = math.inf
        comparison.add(found, torch.stack(members).sum(0), members)
    found = shares(by_length)
    words = f"Σ of {len(by_path)} paths"
    return comparison.outcome("gradient", words, shares=found, effective_depth=effective_depth(found))


def linear_paths() -> tuple[Tensor, dict[tuple[bool, ...], Tensor]]:
    """Return the output of a linear net of 6 residual blocks, and the output of each of its 64 paths."""
    with drawing(0, "laws"):
        x = torch.randn(2, WIDTH, dtype=torch.float64)
        branches = [nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.float64) for _ in range(MOST_BLOCKS)]
    with torch.no_grad():
        whole = nn.Sequential(*(Block(branch) for branch in branches))(x)
        return whole, {choice: one_path(x, branches, choice) for choice in choices(MOST_BLOCKS)}


def one_path(x: Tensor, branches: Sequence[nn.Linear], choice: Sequence[bool]) -> Tensor:
    """Return the signal through the chosen branches and past the others."""
    for branch, chosen in zip(branches, choice, strict=True):
        x = x @ branch.weight.T if chosen else x
    return x


def last_carrying(passages: list[Passage]) -> list[Passage]:
    """Return the last row of blocks that carry something, at most 6."""
    row: list[Passage] = []
    for chain in chains(passages):
        for passage in chain:
            row = [] if carries_nothing(passage.block) or (row and row[-1].y is not passage.x) else row
            if not carries_nothing(passage.block):
                row.append(passage)
    return row[-MOST_BLOCKS:]


def why_one_path(passages: list[Passage]) -> str:
    """Return the reason why there are no paths to add up."""
    return "plain blocks leave one path, through every branch" if passages else "it is not made of blocks"
