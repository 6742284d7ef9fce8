"""Law 5: a shortcut that scales makes the direct term vanish or explode with depth."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...nn import Add, Gate, ScaledAdd
from ..passages import Passage, chains, clean_streams, watching, why_no_clean_stream
from .outcome import Comparison, Outcome, does_not_apply
from .subject import Subject

SCALES = (0.5, 0.9, 1.0, 1.1, 2.0)


def scaling(subject: Subject) -> Outcome:
    """Law 5. Scaling every shortcut by lambda multiplies the direct term by lambda^(L-l): only 1 keeps it.

    The merges of the longest clean row are replaced by lambda * shortcut + branch. The direct term is the gradient
    through the shortcuts alone: the branches' outputs are held fixed. The forward sum must be x_L = lambda^(L-l) x_l +
    sum of lambda^(L-1-i) F_i as well. Gates scale too, by 1 - T for each unit: in a Highway network the direct term at
    fixed gates is the product of the carry gates.

    Source: He16 eq. 8 (and eq. 9 for gates).
    """
    with torch.no_grad(), watching(subject.network) as passages:
        subject.network(subject.inputs)
    gated = [row for chain in chains(passages) for row in gated_rows(chain)]
    rows = [row for row in clean_streams(passages) if type(row[0].block.merge) is Add]
    if rows:
        return _constant(max(rows, key=len))
    if gated:
        return _gated(gated)
    if clean_streams(passages):
        return does_not_apply("a concatenation has no scale: each block's input keeps its own channels")
    return does_not_apply(why_no_clean_stream(passages))


def carries_gated(passage: Passage) -> bool:
    """Return whether the block mixes its unchanged input with its branch by a coupled gate."""
    block = passage.block
    return type(block.merge) is Gate and type(block.shortcut) is type(block.activation) is nn.Identity


def _constant(row: Sequence[Passage]) -> Outcome:
    comparison, curve = Comparison(), {}
    x = row[0].x.detach()
    for scale in SCALES:
        merge = ScaledAdd(scale, 1.0)
        leaf = x.clone().requires_grad_(True)
        fixed, free, added = leaf, x, torch.zeros_like(x)
        for depth, passage in enumerate(row, start=1):
            with torch.no_grad():
                computed = passage.block.branch(free, **passage.context)
                free = merge(free, computed, free)
                added = scale * added + computed
                comparison.add(free, scale**depth * x + added, [scale**depth * x, computed])
            fixed = merge(fixed, computed, fixed)
            back = torch.autograd.grad(fixed, leaf, torch.ones_like(fixed), retain_graph=True)[0]
            comparison.add(back, torch.full_like(back, scale**depth))
            curve[scale, depth] = float(back.mean())
    return comparison.outcome("direct term", "λ^(L−l)", curve=curve)


def _gated(rows: Sequence[Sequence[Passage]]) -> Outcome:
    comparison, shares = Comparison(), []
    for row in rows:
        leaf = row[0].x.clone().requires_grad_(True)
        stream: Tensor = leaf
        product = torch.ones_like(leaf)
        for passage in row:
            merge = passage.block.merge
            stream = merge(stream, passage.branch, passage.x)
            with torch.no_grad():
                product = product * (1 - torch.sigmoid(merge.get_submodule("transform")(passage.x)))
        back = torch.autograd.grad(stream, leaf, torch.ones_like(stream))[0]
        comparison.add(back, product)
        shares.append((len(row), float(product.mean())))
    return comparison.outcome("direct term", "∏ (1 − T_i)", carried=shares)


def gated_rows(chain: Sequence[Passage]) -> list[list[Passage]]:
    """Return the rows of gated blocks that follow one another."""
    rows: list[list[Passage]] = [[]]
    for passage in chain:
        if carries_gated(passage):
            rows[-1].append(passage)
        else:
            rows.append([])
    return [row for row in rows if len(row) > 1]
