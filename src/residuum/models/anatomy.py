"""What fills the slots of a network: the model taken apart into words and numbers, from which it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import nn

from ..errors import InputError
from ..nn import Block
from . import VARIANTS
from .description import describe
from .outline import Part, measure
from .slots import Slots, take_apart

LONGEST_PATTERN = 4  # blocks that repeat together, such as attention and MLP


class Piece(NamedTuple):
    """Blocks, layers or a cell, which stand ``repeat`` times in a row."""

    name: str  # "0", "1–5"; "" where the section is one piece
    slots: tuple[Slots, ...]  # more than one where several repeat together
    repeat: int
    shape: tuple[int, ...]  # of the last one's output
    parameters: int  # of all repeats together
    macs: int


class Section(NamedTuple):
    """Stem, stage or head."""

    name: str
    pieces: tuple[Piece, ...]
    shape: tuple[int, ...]
    parameters: int
    macs: int


class Anatomy(NamedTuple):
    """A network from stem to head."""

    name: str
    input_shape: tuple[int, ...]
    sections: tuple[Section, ...]
    parameters: int
    macs: int


def anatomy(network: nn.Module, input_shape: tuple[int, ...] | None = None) -> Anatomy:
    """Take a network apart; blocks with the same parts in a row are one piece.

    Args:
        network: any model of this package; it is not touched and nothing is computed.
        input_shape: one example, an image's [C, H, W] or a text's [tokens]; by default what the model is counted at.

    Raises:
        InputError: a model that was not made here, or that has neither stages nor blocks.
    """
    name = describe(network).model
    shape = input_shape or example_shape(network)
    members = _members(network)
    *parts, whole = measure(network, shape, [name for name, _ in network.named_modules() if name.count(".") < 3])
    measured = {part.name: part for part in parts}
    for section, _ in members:
        measured.setdefault(section, _joined(section, parts))
    sections = [_section(network, section, children, measured) for section, children in members]
    return Anatomy(name, shape, tuple(part for part in sections if part.pieces), whole.parameters, whole.macs)


def example_shape(network: nn.Module) -> tuple[int, ...]:
    """Return the shape of the example that a model is counted at: its own arguments first, then its family's rows."""
    description = describe(network)
    row = VARIANTS.get(description.model)
    if row is None:
        row = next(row for row in VARIANTS.values() if row.builder.__name__ == description.model)
    if len(row.input_shape) == 1:
        return row.input_shape
    channels, height, width = row.input_shape
    size = description.arguments.get("image_size")
    if description.preprocessing is not None:
        height, width = description.preprocessing.size
    elif size is not None:
        height = width = size
    return (description.arguments.get("in_chans", channels), height, width)


def _members(network: nn.Module) -> list[tuple[str, list[str]]]:
    """Return the names of stem, stages and head in order, each with its children's where they are drawn one by one."""
    children = dict(network.named_children())
    if not {"stages", "blocks"} & children.keys():
        raise InputError(f"expected a network of stages or blocks, got {type(network).__name__}; give a model's name")
    members: list[tuple[str, list[str]]] = []
    for name, child in children.items():
        if name == "stages":
            members += [(f"stages.{stage}", _blocks(module)) for stage, module in child.named_children()]
        else:
            members.append((name, _blocks(child)))
    return members


def _blocks(module: nn.Module) -> list[str]:
    if not isinstance(module, nn.Sequential | nn.ModuleList) or not any(isinstance(part, Block) for part in module):
        return []
    return [name for name, _ in module.named_children()]


def _joined(section: str, parts: list[Part]) -> Part:
    """Return what its children make of a section that is never called by itself (blocks in a list, a walked stem)."""
    depth = section.count(".") + 1
    own = [part for part in parts if part.name.startswith(f"{section}.") and part.name.count(".") == depth]
    shape = own[-1].shape if own else ()
    return Part(section, section, shape, sum(part.parameters for part in own), sum(part.macs for part in own))


def _section(network: nn.Module, name: str, children: list[str], measured: dict[str, Part]) -> Section:
    names = [f"{name}.{child}" for child in children] or [name]
    slots = [take_apart(network.get_submodule(part)) for part in names]
    pieces = []
    for start, length, repeat in patterns(slots):
        run = [measured[part] for part in names[start : start + length * repeat]]
        if not slots[start].branch and len(run) == 1:
            continue  # an empty stem, an identity behind the last block
        last = start + length * repeat - 1
        label = f"{start}" if last == start else f"{start}–{last}"
        totals = sum(part.parameters for part in run), sum(part.macs for part in run)
        pieces.append(
            Piece(label if children else "", tuple(slots[start : start + length]), repeat, run[-1].shape, *totals)
        )
    whole = measured[name]
    return Section(name, tuple(pieces), whole.shape, whole.parameters, whole.macs)


def patterns(row: Sequence[Any]) -> list[tuple[int, int, int]]:
    """Return start, length and repeats of what repeats in a row: a a b c b c -> (0, 1, 2), (2, 2, 2)."""
    found, start = [], 0
    while start < len(row):
        length, repeat = 1, 1
        for candidate in range(1, LONGEST_PATTERN + 1):
            pattern, count = row[start : start + candidate], 1
            while row[start + count * candidate : start + (count + 1) * candidate] == pattern:
                count += 1
            if count > 1:
                length, repeat = candidate, count
                break
        found.append((start, length, repeat))
        start += length * repeat
    return found
