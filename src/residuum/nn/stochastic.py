"""Stochastic depth: branches dropped at random in training, and then not computed.

Two conventions, each named. Hua16 (1603.09382) drops a branch for the whole batch and scales it by its survival
probability when testing; timm ("drop path") drops it image by image, scales survivors up while training, and does not
scale when testing. Both keep the expectation of the block's branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import InputError, pick
from .block import Block
from .merges import Add
from .tracing import as_leaf

Rule = Callable[[int, float], list[float]]
Model = TypeVar("Model", bound=nn.Module)

ONE_VALUE = "Expected more than 1 value per channel"  # in the message of torch's batch norms


@dataclass
class Lots:
    """The generator of the draws, and the part of a batch that they are for.

    Several processes that train one batch together must drop the same branches, and drop an image by its place in the
    whole batch: they hold equal generators, and each states the number of images before and after its own.
    """

    generator: torch.Generator | None = None  # None: torch's own
    before: int = 0
    after: int = 0
    meeting: bool = False  # whether branches hold layers that wait for all processes (synchronised batch norm)

    def survivors(self, images: int, drop: float) -> Tensor | None:
        """Return which of these images are kept, each with probability 1 - drop; None where a branch has no work."""
        kept = torch.rand(self.before + images + self.after, generator=self.generator) >= drop
        mine = kept[self.before : self.before + images].nonzero().flatten()
        return mine if len(mine) or (self.meeting and kept.any()) else None


class StochasticDepth(nn.Module):
    """b * branch(x) with b = 1 of probability p, else 0; p * branch(x) in evaluation (Hua16 eq. 2 and 5).

    b is drawn once a batch. Where it is 0 nothing is computed: a zero that broadcasts comes out, and the branch's
    parameters get no gradient.

    Args:
        layers: the branch's layers by name; they keep their names, so weights fit with and without.
        drop: 1 - p.

    >>> branch = StochasticDepth({"fc": torch.nn.Linear(4, 4)}, drop=0.5)
    >>> branch.eval()(torch.zeros(1, 4)).shape
    torch.Size([1, 4])
    """

    def __init__(self, layers: dict[str, nn.Module], drop: float) -> None:
        super().__init__()
        adopt(self, layers)
        self.drop = checked(drop)
        self.lots = Lots()

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch's output, scaled or dropped."""
        if not self.training:
            return (1 - self.drop) * through(self.children(), x)
        if (node := as_leaf(self, x)) is not None:
            return node
        if torch.rand((), generator=self.lots.generator) < self.drop:
            return x.new_zeros(())
        return through(self.children(), x)

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"drop={self.drop:.3g}"


class DropPath(nn.Module):
    """branch(x) / p for each image that survives with probability p, else 0; branch(x) in evaluation (timm's way).

    Only the survivors pass the branch, so a batch norm inside counts only them (timm counts all). Where one survives
    alone and its map is too small for a batch norm's variance, the next image of the batch passes with it: the norm
    counts both, and the branch's output for the other is dropped.

    Args:
        layers: the branch's layers by name; they keep their names, so weights fit with and without.
        drop: 1 - p.

    >>> branch = DropPath({"fc": torch.nn.Linear(4, 4)}, drop=0.5).train()
    >>> branch(torch.zeros(6, 4)).shape
    torch.Size([6, 4])
    """

    def __init__(self, layers: dict[str, nn.Module], drop: float) -> None:
        super().__init__()
        adopt(self, layers)
        self.drop = checked(drop)
        self.lots = Lots()

    def forward(self, x: Tensor) -> Tensor:
        """Return the survivors' outputs scaled, zeros elsewhere."""
        if not self.training or self.drop == 0:
            return through(self.children(), x)
        if (node := as_leaf(self, x)) is not None:
            return node
        if (survivors := self.lots.survivors(len(x), self.drop)) is None:
            return x.new_zeros(())
        survivors = survivors.to(x.device)
        computed = self._kept(x, survivors) / (1 - self.drop)
        return computed.new_zeros(len(x), *computed.shape[1:]).index_add(0, survivors, computed)

    def _kept(self, x: Tensor, survivors: Tensor) -> Tensor:
        """Return the branch's output for the survivors."""
        if len(survivors) != 1 or len(x) == 1:
            return through(self.children(), x[survivors])
        norms = [module for module in self.modules() if isinstance(module, _BatchNorm)]
        before = [(buffer, buffer.clone()) for norm in norms for buffer in norm.buffers()]
        try:
            return through(self.children(), x[survivors])
        except ValueError as error:
            if ONE_VALUE not in str(error):
                raise
        for buffer, value in before:  # norms before the one that raised have counted it
            buffer.copy_(value)
        pair = torch.cat([survivors, (survivors + 1) % len(x)])
        return through(self.children(), x[pair])[:1]

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"drop={self.drop:.3g}"


def linear_decay(blocks: int, last: float) -> list[float]:
    """Return each block's drop probability l / L * last, l = 1..L (Hua16 eq. 4).

    >>> linear_decay(4, 0.5)
    [0.125, 0.25, 0.375, 0.5]
    """
    return [last * number / blocks for number in range(1, blocks + 1)]


def linear_decay_from_zero(blocks: int, last: float) -> list[float]:
    """Return each block's drop probability l / (L - 1) * last, l = 0..L-1 (timm: the first block always stays).

    >>> linear_decay_from_zero(3, 0.5)
    [0.0, 0.25, 0.5]
    """
    return [last * number / max(1, blocks - 1) for number in range(blocks)]


def linear_decay_below(blocks: int, last: float) -> list[float]:
    """Return each block's drop probability l / L * last, l = 0..L-1 (EfficientNet's published code)."""
    return [last * number / blocks for number in range(blocks)]


CONVENTIONS: dict[str, tuple[Callable[[dict[str, nn.Module], float], nn.Module], Rule]] = {
    "paper": (StochasticDepth, linear_decay),
    "timm": (DropPath, linear_decay_from_zero),
}


def stochastic_depth(model: Model, drop: float, convention: str = "paper") -> Model:
    """Let every block's branch be dropped, the last with probability ``drop``, earlier ones linearly less.

    Works in place and returns the model; keys stay as they were. With ``drop=0`` nothing changes.

    Raises:
        InputError: ``drop`` outside 0..1, an unknown convention, a model without blocks of layers in a row.

    >>> model = stochastic_depth(residuum.create_model("cifar_resnet", depth=8), 0.3)
    >>> [round(module.drop, 1) for module in model.modules() if isinstance(module, StochasticDepth)]
    [0.1, 0.2, 0.3]
    """
    wrap, rule = pick(CONVENTIONS, convention, "stochastic depth's convention")
    if checked(drop) == 0:
        return model
    blocks = droppable(model)
    for block, chance in zip(blocks, rule(len(blocks), drop), strict=True):
        block.branch = wrap(dict(block.branch.named_children()), chance)
    return model


def drop_residuals(blocks: Sequence[Block], chances: Sequence[float]) -> None:
    """Let those blocks' branches that are added to something be dropped image by image; others are always computed.

    Raises:
        InputError: a chance outside 0..1.
    """
    for block, chance in zip(blocks, chances, strict=True):
        if checked(chance) > 0 and isinstance(block.merge, Add):
            block.branch = DropPath(dict(block.branch.named_children()), chance)


def share_lots(model: nn.Module, lots: Lots) -> None:
    """Let every branch that is dropped at random draw from these."""
    for module in model.modules():
        if isinstance(module, StochasticDepth | DropPath):
            module.lots = lots


def droppable(model: nn.Module) -> Sequence[Block]:
    """Return the blocks in order; each must have a branch of layers in a row."""
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    if not blocks or not all(isinstance(block.branch, nn.Sequential) for block in blocks):
        raise InputError("stochastic depth needs blocks whose branch is a sequence of layers; this model has others")
    return blocks


def adopt(module: nn.Module, layers: dict[str, nn.Module]) -> None:
    """Put the layers into the module under their own names."""
    for name, layer in layers.items():
        module.add_module(name, layer)


def through(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Pass x through the layers in a row."""
    for layer in layers:
        x = layer(x)
    return x


def checked(drop: float) -> float:
    """Return the probability, or raise InputError unless it is at least 0 and below 1."""
    if not 0 <= drop < 1:
        raise InputError(f"a drop probability must be at least 0 and below 1, got {drop}")
    return drop
