"""What fills the slots of a block or a cell, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from torch import nn

from ..nn import Block
from ..nn.recurrent import AlwaysOne, Recurrent
from ..nn.skips import SkipCell
from .layer_words import layers, merge_words


class Slots(NamedTuple):
    """What fills a block's slots; for a mere row of layers the branch alone, without a merge."""

    branch: tuple[str, ...]  # the layers in order
    shortcut: tuple[str, ...] = ()  # the layers in order; none is the identity
    merge: str = ""  # "add", "gate", "concatenate", "none" (branch only); "" where there is nothing to merge
    formula: str = ""  # what the merge computes of shortcut s and branch F
    activation: tuple[str, ...] = ()  # what acts on the joined stream
    skips: tuple[tuple[int, int, str], ...] = ()  # of a cell of skip matrices: source, target, weight
    depth: int = 0  # of a cell of skip matrices: layers

    def __str__(self) -> str:
        """Return ``shortcut | branch | merge | activation``, of a mere row its layers; x is carried unchanged.

        >>> str(Slots(("conv 3×3, 16", "batch norm"), (), "add", "s + F", ("ReLU",)))
        'x | conv 3×3, 16; batch norm | s + F | ReLU'
        """
        branch = "; ".join(self.branch)
        if not self.merge:
            return branch or "x"
        carried = "; ".join(self.shortcut) or ("–" if self.merge == "none" else "x")
        return " | ".join((carried, branch or "x", self.formula or self.merge, "; ".join(self.activation) or "–"))


def take_apart(module: nn.Module) -> Slots:
    """Return what fills the slots of a block or a cell; any other module is a row of layers."""
    return CELLS.get(type(module), _row_of_layers)(module)


def _row_of_layers(module: nn.Module) -> Slots:
    return Slots(branch=layers(module))


def _block(module: nn.Module) -> Slots:
    block = cast(Block, module)
    merge, formula = merge_words(block.merge)
    shortcut = () if merge == "none" else layers(block.shortcut)
    return Slots(layers(block.branch), shortcut, merge, formula, layers(block.activation))


def _skip_cell(module: nn.Module) -> Slots:
    cell = cast(SkipCell, module)
    skips = []
    for name, matrix in cell.skips.items():
        source, target = name.split("_")
        skips.append((int(source), int(target), "learnt" if isinstance(matrix, nn.Linear) else "identity"))
    width = cast(nn.Linear, cell.normal[-1]).out_features
    acts = tuple(dict.fromkeys(word for act in cell.act for word in layers(act)))
    normal = "W[l−1,l]·a[l−1] + b[l]"
    formula = (f"norm({normal})" if cell.is_normed else normal) + (" + Σ W[k,l]·a[k]" if skips else "")
    kinds = tuple(f"{kind} matrices" for kind in sorted({weight for *_, weight in skips}))
    merge = "add" if skips else "none"
    branch = (f"linear, {width}", *layers(cell.norm[-1]))
    return Slots(branch, kinds, merge, formula, acts, tuple(skips), len(cell.normal))


def _recurrent(module: nn.Module) -> Slots:
    cell = cast(Recurrent, module).cell
    keeps = isinstance(cell.forget, AlwaysOne)
    carried = () if keeps else ("times f = sigmoid(x, h)",)
    branch = (f"g = tanh(x, h), {cell.width}", "times i = sigmoid(x, h)")
    formula = "at each step c′ = " + ("c + i·g" if keeps else "f·c + i·g")
    return Slots(branch, carried, "add" if keeps else "gate", formula, ("h′ = o·tanh(c′)",))


CELLS: dict[type[nn.Module], Callable[[nn.Module], Slots]] = {
    Block: _block,
    SkipCell: _skip_cell,
    Recurrent: _recurrent,
}
