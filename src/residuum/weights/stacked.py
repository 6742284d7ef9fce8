"""Namings that rows of module paths cannot express: several of their matrices form one of ours, or are transposed.

A row holds this project's module and theirs; several of theirs stack to one of ours. {a} is an attention block,
{m} an MLP block, {i} the layer that the two form. A row's leaf is a weight, a bias, or nothing (a bare parameter).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import InputError

State = dict[str, Tensor]
StackedNames = tuple[str, Sequence[str]]
LEAVES = (".weight", ".bias", "")


@dataclass(frozen=True)
class Naming:
    """One source's names of a transformer."""

    once: tuple[StackedNames, ...]
    layer: tuple[StackedNames, ...]
    theirs: str  # a pattern of their layers' names, with the layer's number
    ours: str  # a pattern of our blocks' names, with the block's number
    anchor: str  # the module or parameter that every file holds, which locates the prefix
    home: str = ""  # the source's prefix before all names except the heads'
    heads: tuple[str, ...] = ()  # prefixes of our names outside home
    turned: str = "$^"  # a pattern of their transposed matrices
    computed: str = "$^"  # a pattern of their tensors that are computed here: positions and masks
    copies: Mapping[str, str] = field(default_factory=dict)  # copies of stored tensors: the copy, the original

    def explains(self, path: str) -> bool:
        """Return whether the source has a module or a parameter of that name in any layer."""
        layer = re.match(self.theirs, path)
        number = layer[1] if layer else "0"
        rows = [*self.once, *self.layer]
        return any(path == name.format(i=number) for _, theirs in rows for name in theirs)


@dataclass
class Translated:
    """Tensors by this project's names, the names without a translation, and the file's spelling of ours."""

    tensors: State
    left: State
    spelled: dict[str, str]


def bare(state: Mapping[str, Tensor], prefix: str) -> dict[str, str]:
    """Return each name of the file and the name without the prefix, or without the part of the prefix that it has."""
    parts = prefix.split(".")[:-1]
    starts = [".".join(parts[:count]) + "." for count in range(len(parts), 0, -1)]
    return {name: name.removeprefix(next((start for start in starts if name.startswith(start)), "")) for name in state}


def to_ours(naming: Naming, state: Mapping[str, Tensor], prefix: str) -> Translated:
    """Return the tensors by this project's names.

    Raises:
        InputError: a copy that differs from its original, such as an output matrix from the word embedding.
    """
    said = {_modern(inner): name for name, inner in bare(state, prefix).items()}
    left = {inner: state[name] for inner, name in said.items() if not re.fullmatch(naming.computed, inner)}
    for copy, original in naming.copies.items():
        if copy in left and original in left and not torch.equal(left.pop(copy), left[original]):
            raise InputError(f"{copy} must equal {original}, as in every published model, got another; tie them first")
    found: State = {}
    spelled: dict[str, str] = {}
    for ours, theirs in _rows(naming, _count(left, naming.theirs)):
        for leaf in LEAVES:
            names = [f"{name}{leaf}" for name in theirs]
            if all(name in left for name in names):
                parts = [_turned(naming, name, left.pop(name)) for name in names]
                found[ours + leaf] = torch.cat(parts) if len(parts) > 1 else parts[0]
                spelled[ours + leaf] = said[names[0]]
    return Translated(found, {said[inner]: value for inner, value in left.items()}, spelled)


def to_theirs(naming: Naming, state: Mapping[str, Tensor], home: str = "") -> tuple[State, list[str]]:
    """Return the tensors by the source's names, ``home`` before all except the heads', and our names that it lacks."""
    left, found = dict(state), dict[str, Tensor]()
    for ours, theirs in _rows(naming, _count(left, naming.ours) // 2):
        for leaf in LEAVES:
            if (value := left.pop(ours + leaf, None)) is not None:
                before = "" if (ours + leaf).startswith(naming.heads) and naming.heads else home
                parts = value.chunk(len(theirs))
                found |= {
                    before + name + leaf: _turned(naming, name + leaf, part).contiguous()
                    for name, part in zip(theirs, parts, strict=True)
                }
    return found, sorted(left)


def _modern(name: str) -> str:
    """Return the current names of a norm's parameters: BERT's first files have gamma and beta."""
    return re.sub(r"LayerNorm\.(gamma|beta)$", lambda m: f"LayerNorm.{'weight' if m[1] == 'gamma' else 'bias'}", name)


def _turned(naming: Naming, name: str, value: Tensor) -> Tensor:
    return value.T.contiguous() if re.fullmatch(naming.turned, name) else value


def _rows(naming: Naming, depth: int) -> list[StackedNames]:
    each = [
        (ours.format(a=2 * i, m=2 * i + 1), [name.format(i=i) for name in theirs])
        for i in range(depth)
        for ours, theirs in naming.layer
    ]
    return [*naming.once, *each]


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    return max((int(match[1]) + 1 for name in state if (match := re.match(pattern, name))), default=0)
