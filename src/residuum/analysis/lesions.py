"""Lesions: blocks removed or put into another order at test time (Vei16, arXiv:1605.06431, section 4).

A block is removed by filling its branch slot with another part, so that the branch adds nothing:
y = activation(merge(shortcut(x), 0, x)). For a residual block that leaves the shortcut. A plain block has nothing
beside its branch, so its branch becomes the identity, and where it changes shapes the parameter-free shortcut of option
A (subsampled, padded with zeros): as its residual twin has there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError, nearest
from ..nn import Block, BranchOnly
from ..nn.shortcuts import option_a
from .taps import blocks_of, evaluating


class Silent(nn.Module):
    """A branch that adds nothing: zeros of the shape that the branch would give.

    Args:
        shape: of one example, without the batch.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor, **context: object) -> Tensor:
        """Return zeros [N, *shape]."""
        return x.new_zeros(()).expand(len(x), *self.shape)

    def extra_repr(self) -> str:
        """Show the shape."""
        return f"shape={self.shape}"


class Shapes(dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]):
    """Shapes of each block's input, its branch's output, and its output, without the batch."""


def block_shapes(model: nn.Module, image: Tensor) -> Shapes:
    """Return each block's shapes, measured on one image [1, C, H, W]."""
    found, handles = Shapes(), []

    def look(name: str, block: Block) -> None:
        branches: list[tuple[int, ...]] = []

        def of_branch(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            branches.append(tuple(output.shape[1:]))

        def of_block(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = (tuple(given[0].shape[1:]), branches[-1], tuple(output.shape[1:]))

        handles.append(block.branch.register_forward_hook(of_branch))
        handles.append(block.register_forward_hook(of_block))

    try:
        for name, block in blocks_of(model).items():
            look(name, block)
        with evaluating(model):
            model(image[:1])
    finally:
        for handle in handles:
            handle.remove()
    return found


def substitute(block: Block, shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> nn.Module:
    """Return the module that fills the branch slot of a removed block.

    Raises:
        InputError: a plain block whose change of shape needs parameters.
    """
    entering, leaving_branch, _ = shapes
    if not isinstance(block.merge, BranchOnly):
        return Silent(leaving_branch)
    if entering == leaving_branch:
        return nn.Identity()
    if len(entering) != 3 or len(leaving_branch) != 3 or leaving_branch[0] < entering[0]:
        raise InputError(
            f"a plain block can be removed where the identity or option A carries its input, got {entering} to "
            f"{leaving_branch}; leave it in"
        )
    return option_a(entering[0], leaving_branch[0], -(-entering[1] // leaving_branch[1]))


def removable(model: nn.Module, image: Tensor) -> dict[str, nn.Module]:
    """Return the module that fills each block's branch slot on removal, by the block's name, in order of depth.

    Args:
        model: a network of blocks.
        image: one image as the network receives it, [1, C, H, W]: its pass measures the shapes.
    """
    shapes = block_shapes(model, image)
    return {name: substitute(block, shapes[name]) for name, block in blocks_of(model).items()}


@contextlib.contextmanager
def removed(model: nn.Module, names: Iterable[str], parts: Mapping[str, nn.Module]) -> Iterator[nn.Module]:
    """Remove blocks inside; afterwards, also after an error, the model is the same to the bit and to the module.

    Args:
        model: a network of blocks; it is changed in place.
        names: the blocks, ``stages.1.0``.
        parts: the result of ``removable`` for this model.

    Raises:
        InputError: a name that is no block's.
    """
    blocks, chosen = blocks_of(model), list(names)
    if unknown := [name for name in chosen if name not in blocks]:
        raise InputError(f"each lesion must be a block's name, got {unknown[0]!r}; {nearest(unknown[0], list(blocks))}")
    branches = {name: blocks[name].branch for name in chosen}
    try:
        for name in chosen:
            blocks[name].branch = parts[name]
        yield model
    finally:
        for name, branch in branches.items():
            blocks[name].branch = branch


def interchangeable(model: nn.Module, shapes: Shapes) -> list[list[str]]:
    """Return groups of blocks that may swap places: of one stage, with the same input and output shapes."""
    groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for name in blocks_of(model):
        entering, _, leaving = shapes[name]
        if entering == leaving:
            groups.setdefault((name.rpartition(".")[0], entering), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def swapped(groups: Sequence[Sequence[str]], swaps: int, draw: torch.Generator) -> dict[str, str]:
    """Return which block stands at each place after ``swaps`` random swaps of two blocks of one group (Vei16)."""
    standing = {name: name for group in groups for name in group}
    pairs = [(a, b) for group in groups for number, a in enumerate(group) for b in group[number + 1 :]]
    if not pairs:
        raise InputError(
            "blocks can change places where a stage has two of one shape, and none has; remove them instead"
        )
    for pair in torch.randint(len(pairs), (swaps,), generator=draw).tolist():
        a, b = pairs[pair]
        standing[a], standing[b] = standing[b], standing[a]
    return standing


def kendall_tau(model: nn.Module, standing: Mapping[str, str]) -> float:
    """Return how alike the new order of all blocks is to the old one: 1 the same, 0 unrelated, -1 reversed."""
    from scipy import stats

    names = list(blocks_of(model))
    places = [names.index(standing.get(name, name)) for name in names]
    return float(stats.kendalltau(range(len(places)), places).statistic)  # pyright: ignore[reportAttributeAccessIssue]


@contextlib.contextmanager
def reordered(model: nn.Module, standing: Mapping[str, str]) -> Iterator[nn.Module]:
    """Move blocks to other places inside; afterwards, also after an error, each is back in its place.

    Args:
        model: a network of blocks; it is changed in place.
        standing: the name of the block that is to stand at each place.
    """
    blocks = blocks_of(model)
    if sorted(standing) != sorted(standing.values()) or not set(standing) <= set(blocks):
        raise InputError(
            "a new order must name each block that moves once as place and once as block, got "
            f"{len(standing)} places and {len(set(standing.values()))} blocks"
        )
    try:
        for place, name in standing.items():
            _put(model, place, blocks[name])
        yield model
    finally:
        for place in standing:
            _put(model, place, blocks[place])


def _put(model: nn.Module, place: str, block: nn.Module) -> None:
    parent, _, child = place.rpartition(".")
    setattr(model.get_submodule(parent), child, block)


def borders(shapes: Shapes) -> list[str]:
    """Return the blocks that change shapes: the stages' borders."""
    return [name for name, (entering, _, leaving) in shapes.items() if entering != leaving]


def random_choices(names: Sequence[str], count: int, draw: torch.Generator) -> list[str]:
    """Return ``count`` of the names, drawn without replacement, in their own order."""
    if not 0 <= count <= len(names):
        raise InputError(f"lesions must number 0 to {len(names)}, as many as there are blocks, got {count}")
    chosen = torch.randperm(len(names), generator=draw)[:count].sort().values
    return [str(names[index]) for index in chosen.tolist()]
