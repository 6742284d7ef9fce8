"""Laws 1 and 2: a clean stream keeps every term added to it, and the error flows back along it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...nn import Concatenate
from ..passages import Passage, clean_streams, watching, why_no_clean_stream
from .outcome import Comparison, Outcome, does_not_apply
from .subject import Subject

STARTS = 4  # places l in a row at which the backward law is measured


def forward(subject: Subject) -> Outcome:
    """Law 1. x_L = x_l + sum over i = l .. L-1 of F_i(x_i), for every l < L.

    It holds where the shortcut is the identity and nothing acts between blocks: in pre-activation networks and pre-norm
    transformers, within a stage. A concatenation is the same sum with each term padded by zeros to its own channels, so
    dense stages obey it too. The original block (He15) ends in an activation, which acts on the stream: it does not.

    Source: He16 eq. 4. Measured on the network's own pass: x_l, F_i and x_L are its own values.
    """
    with torch.no_grad(), watching(subject.network) as passages:
        subject.network(subject.inputs)
    rows = clean_streams(passages)
    if not rows:
        return does_not_apply(why_no_clean_stream(passages))
    comparison = Comparison()
    for row in rows:
        end, terms = row[-1].joined, [placed(p.branch, row[-1].joined, p) for p in row]
        added = torch.zeros_like(end)
        for passage, term in zip(reversed(row), reversed(terms), strict=True):
            added = added + term
            comparison.add(end, carried(passage.x, end, passage) + added, terms)
    return comparison.outcome("x_L", "x_l + Σ F_i", blocks=sum(map(len, rows)))


def backward(subject: Subject) -> Outcome:
    """Law 2. dE/dx_l = dE/dx_L (1 + d/dx_l sum of F_i): part of the error reaches every l without passing a weight.

    Measured as two vector-Jacobian products that add up: dE/dx_L itself, and dE/dx_L times the Jacobian of the sum of
    branches, which runs again from x_l. The left side is the result of the network's own backward pass.

    Source: He16 eq. 5. It holds where law 1 does.
    """
    with watching(subject.network) as passages:
        error = subject.loss()
    rows = clean_streams(passages)
    if not rows:
        return does_not_apply(why_no_clean_stream(passages))
    comparison = Comparison()
    for row in rows:
        starts = sorted({round(i * (len(row) - 1) / (STARTS - 1)) for i in range(STARTS)})
        wanted = [row[-1].joined, *(row[start].x for start in starts)]
        slope, *errors = torch.autograd.grad(error, wanted, retain_graph=True)
        for start, whole in zip(starts, errors, strict=True):
            x = row[start].x.detach().requires_grad_(True)
            through = torch.autograd.grad(sum_of_branches(x, row[start:]), x, slope)[0]
            direct = carried_back(slope, x, row[start])
            comparison.add(whole, direct + through, [direct, through])
    return comparison.outcome("dE/dx_l", "dE/dx_L + dE/dx_L · dΣF/dx_l", blocks=sum(map(len, rows)))


def sum_of_branches(x: Tensor, row: Sequence[Passage]) -> Tensor:
    """Return sum of F_i(x_i), the stream run by the law's own arithmetic from x through the blocks' branches."""
    end = row[-1].joined
    stream, total = x, torch.zeros_like(end)
    for passage in row:
        computed = passage.block.branch(stream, **passage.context)
        total = total + placed(computed, end, passage)
        stream = carried(stream, passage.joined, passage) + placed(computed, passage.joined, passage)
    return total


def carried(x: Tensor, end: Tensor, passage: Passage) -> Tensor:
    """Return x as it stands in ``end``: itself in a sum, in front of zeros in a concatenation."""
    return _padded(x, end, 0, passage)


def placed(branch: Tensor, end: Tensor, passage: Passage) -> Tensor:
    """Return a branch's output as it stands in ``end``: itself in a sum, behind its input in a concatenation."""
    merge = passage.block.merge
    before = passage.x.shape[merge.dim] if isinstance(merge, Concatenate) else 0
    return _padded(branch, end, before, passage)


def carried_back(slope: Tensor, x: Tensor, passage: Passage) -> Tensor:
    """Return the part of an error at the end that belongs to x: all of it in a sum, x's channels in a concatenation."""
    merge = passage.block.merge
    return slope.narrow(merge.dim, 0, x.shape[merge.dim]) if isinstance(merge, Concatenate) else slope


def _padded(value: Tensor, end: Tensor, before: int, passage: Passage) -> Tensor:
    merge = passage.block.merge
    if not isinstance(merge, Concatenate):
        return value
    dim = merge.dim % end.ndim
    behind = end.shape[dim] - before - value.shape[dim]
    return F.pad(value, (0, 0) * (end.ndim - 1 - dim) + (before, behind))
