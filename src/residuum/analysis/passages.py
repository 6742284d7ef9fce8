"""Passages: the values at each block of a network in one pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..nn import Add, Block, BranchOnly, Concatenate


@dataclass
class Passage:
    """The values at one block: y = activation(joined), joined = merge(shortcut(x), branch(x), x)."""

    name: str
    block: Block
    x: Tensor
    context: dict[str, Any]
    branch: Tensor = field(default_factory=lambda: torch.empty(0))
    joined: Tensor = field(default_factory=lambda: torch.empty(0))
    y: Tensor = field(default_factory=lambda: torch.empty(0))


@contextlib.contextmanager
def watching(network: nn.Module) -> Iterator[list[Passage]]:
    """Yield a list to which every block's passage is added while the network runs inside."""
    passages: list[Passage] = []
    handles = []

    def watch(name: str, block: Block) -> None:
        def enter(module: nn.Module, given: tuple[Any, ...], context: dict[str, Any]) -> None:
            passages.append(Passage(name, block, given[0], context))

        def noting(slot: str) -> Any:
            return lambda module, given, output: setattr(passages[-1], slot, output)

        handles.append(block.register_forward_pre_hook(enter, with_kwargs=True))
        handles.append(block.branch.register_forward_hook(noting("branch")))
        handles.append(block.merge.register_forward_hook(noting("joined")))
        handles.append(block.register_forward_hook(noting("y")))

    for name, module in network.named_modules():
        if isinstance(module, Block):
            watch(name, module)
    try:
        yield passages
    finally:
        for handle in handles:
            handle.remove()


def chains(passages: list[Passage]) -> list[list[Passage]]:
    """Return the blocks in rows in which each receives exactly the output of the one before."""
    rows: list[list[Passage]] = []
    for passage in passages:
        if rows and passage.x is rows[-1][-1].y:
            rows[-1].append(passage)
        else:
            rows.append([passage])
    return rows


def clean_streams(passages: list[Passage]) -> list[list[Passage]]:
    """Return the rows of two blocks or more with nothing on the stream between them: the identity carried, an addition
    or a concatenation, and no activation but behind the last.
    """  # fmt: skip
    rows: list[list[Passage]] = []
    for chain in chains(passages):
        row: list[Passage] = []
        for passage in chain:
            if not carries_unchanged(passage.block) or (
                row and type(row[-1].block.merge) is not type(passage.block.merge)
            ):
                rows, row = [*rows, row], []
                continue
            row.append(passage)
            if type(passage.block.activation) is not nn.Identity:
                rows, row = [*rows, row], []
        rows.append(row)
    return [row for row in rows if len(row) > 1]


def carries_unchanged(block: Block) -> bool:
    """Return whether the block's sum or concatenation contains its input unchanged."""
    return type(block.shortcut) is nn.Identity and type(block.merge) in (Add, Concatenate)


def carries_nothing(block: Block) -> bool:
    """Return whether the block is a plain one."""
    return type(block.merge) is BranchOnly


def why_no_clean_stream(passages: list[Passage]) -> str:
    """Return the reason why no stream is clean."""
    if not passages:
        return "it is not made of blocks"
    if all(carries_nothing(passage.block) for passage in passages):
        return "plain blocks carry nothing"
    merges = {type(p.block.merge).__name__ for p in passages} - {"Add", "Concatenate", "BranchOnly"}
    if merges:
        return f"{' and '.join(sorted(merges))} scales the stream at every block"
    if all(type(p.block.activation) is not nn.Identity for p in passages):
        kinds = {type(layer).__name__ for p in passages for layer in p.block.activation.modules()} - {"Sequential"}
        return f"{' and '.join(sorted(kinds))} acts on the stream between blocks"
    return "no two neighbouring blocks carry their input unchanged with nothing between"
