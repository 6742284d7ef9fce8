"""Paths: a residual network of n blocks as a sum over 2^n ways through it (Vei16).

The error flows back through every block in two ways: along the shortcut, or through the rest of the block.
Choosing one for each block is a path; its length is the number of blocks passed the second way. At the activations of
one pass the network is linear in the error, so the gradients of all paths add up to the gradient, exactly, also where
an activation acts on the stream or a gate mixes both sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product

import torch
from torch import Tensor

from .passages import Passage

Choice = tuple[bool, ...]  # for each block in order, whether the path goes through its branch


class BothWays:
    """A block's two backward ways, at its input of the pass.

    Each use of x gets its own variable: one in the shortcut's slot, one in branch and merge.
    """

    def __init__(self, passage: Passage) -> None:
        block = passage.block
        self.kept = passage.x.detach().requires_grad_(True)
        self.used = passage.x.detach().requires_grad_(True)
        branch = block.branch(self.used, **passage.context)
        self.y: Tensor = block.activation(block.merge(block.shortcut(self.kept), branch, self.used))

    def back(self, slope: Tensor) -> tuple[Tensor, Tensor]:
        """Return the error at x along the shortcut, and through the rest, for the error at y."""
        found = torch.autograd.grad(
            self.y, [self.kept, self.used], slope, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return found[0], found[1]

    def back_one(self, slope: Tensor, through: bool) -> Tensor:
        """Return only the error through the rest, or only the error along the shortcut."""
        leaf = self.used if through else self.kept
        return torch.autograd.grad(self.y, leaf, slope, retain_graph=True, allow_unused=True, materialize_grads=True)[0]


def path_gradients(row: Sequence[Passage], slope: Tensor) -> dict[Choice, Tensor]:
    """Return the gradient of every path through a row of blocks: 2^n tensors like the first block's input.

    Args:
        row: blocks, each of which receives the output of the one before.
        slope: the error at the last one's output.
    """
    found: dict[Choice, Tensor] = {(): slope}
    for passage in reversed(row):
        ways = BothWays(passage)
        longer: dict[Choice, Tensor] = {}
        for choice, error in found.items():
            longer[False, *choice], longer[True, *choice] = ways.back(error)
        found = longer
    return found


def gradient_by_length(row: Sequence[Passage], slope: Tensor) -> list[Tensor]:
    """Return the sum of the gradients of all paths of each length 0 ... n, exactly, in n (n + 1) / 2 backward steps.

    Paths that share their remaining blocks go back together, those of each length as one error.
    """
    errors = [slope]
    for passage in reversed(row):
        ways = BothWays(passage)
        split = [ways.back(error) for error in errors]
        kept, used = [along for along, _ in split], [through for _, through in split]
        nothing = torch.zeros_like(kept[0])
        errors = [a + b for a, b in zip([*kept, nothing], [nothing, *used], strict=True)]
    return errors


def sampled_norms(
    row: Sequence[Passage], slope: Tensor, lengths: Iterable[int], draw: torch.Generator, count: int = 8
) -> dict[int, float]:
    """Return the mean norm of single paths' gradients for some lengths, over random paths (Vei16 figure 6).

    Args:
        row: the blocks.
        slope: the error at the last one's output.
        lengths: of the paths.
        draw: the generator of the paths.
        count: paths per length.
    """
    ways = [BothWays(passage) for passage in row]
    found: dict[int, float] = {}
    for length in lengths:
        norms = []
        for _ in range(count):
            chosen = set(torch.randperm(len(ways), generator=draw)[:length].tolist())
            error = slope
            for number in reversed(range(len(ways))):
                error = ways[number].back_one(error, number in chosen)
            norms.append(float(error.norm()))
        found[length] = sum(norms) / count
    return found


def shares(gradients: Sequence[Tensor]) -> list[float]:
    """Return each length's share of the gradient: its norm over the sum of all lengths' norms."""
    norms = [float(gradient.norm()) for gradient in gradients]
    return [norm / sum(norms) for norm in norms]


def effective_depth(shares: Sequence[float]) -> float:
    """Return the mean length of paths, each length weighted by its share of the gradient, in blocks."""
    return sum(length * share for length, share in enumerate(shares))


def binomial(blocks: int) -> list[int]:
    """Return the number of paths of each length 0 ... n."""
    return [math.comb(blocks, length) for length in range(blocks + 1)]


def choices(blocks: int) -> list[Choice]:
    """Return all 2^n paths."""
    return list(product((False, True), repeat=blocks))
