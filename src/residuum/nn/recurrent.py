"""The long short-term memory cell: a residual block along time.

It has two states, so it is a separate short cell. Its slots: the memory c is the stream; the shortcut carries it
unchanged; the branch is the candidate g; the merge is an uncoupled gate, c' = f*c + i*g, whose carry gate f the cell
of 1997 holds at 1, which leaves c' = c + i*g, the residual block with a gated branch; nothing acts on the stream
afterwards, and h' = o*tanh(c') is the input of the next step and the next layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import InputError, pick
from .tracing import as_leaf, one_node

State = tuple[Tensor, Tensor]


class TimeGate(nn.Module):
    """act(W x + U h + b): x [N, inputs], h [N, width] -> [N, width]."""

    def __init__(self, inputs: int, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.x = nn.Linear(inputs, width)
        self.h = nn.Linear(width, width)
        self.act = activation
        bound = 1 / math.sqrt(width)  # torch.nn.LSTMCell draws all of them from here
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Return the gate's values."""
        return self.act(self.x(x) + self.h(h))


class AlwaysOne(nn.Module):
    """The carry gate of 1997: it never closes. h [N, width] -> ones."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Return 1 for every unit."""
        return torch.ones_like(h)


def forgetting(inputs: int, width: int) -> nn.Module:
    """Build a learnt forget gate (Gers, Schmidhuber and Cummins 2000, Neural Computation 12(10))."""
    return TimeGate(inputs, width, nn.Sigmoid())


def never_forgetting(inputs: int, width: int) -> nn.Module:
    """Build f = 1, the constant error carousel (Hoc97 section 3)."""
    return AlwaysOne()


# carry gate by name: the one difference between the two cells
FORGETS: dict[str, Callable[[int, int], nn.Module]] = {"learnt": forgetting, "one": never_forgetting}


def pick_forget(name: str) -> Callable[[int, int], nn.Module]:
    """Return the maker of that forget gate, or say which there are."""
    return pick(FORGETS, name, "forget")


class LSTMCell(nn.Module):
    """One step: c' = f*c + i*g and h' = o*tanh(c').

    At fixed gates and fixed h, d c' / d c = f, and 1 where f = 1: the error flows back through time unchanged.

    Args:
        inputs: features of x.
        width: features of h and c.
        forget: the carry gate f, ``forget(x, h)``; a learnt one by default, ``AlwaysOne()`` for the cell of 1997.

    Source: Hoc97 eqs. 2.5-2.9 in today's notation; with the default it equals ``torch.nn.LSTMCell``.
    """

    def __init__(self, inputs: int, width: int, *, forget: nn.Module | None = None) -> None:
        super().__init__()
        self.width = width
        self.input = TimeGate(inputs, width, nn.Sigmoid())
        self.forget = forget if forget is not None else forgetting(inputs, width)
        self.candidate = TimeGate(inputs, width, nn.Tanh())
        self.output = TimeGate(inputs, width, nn.Sigmoid())

    def start(self, x: Tensor) -> State:
        """Return h and c of zeros for x [N, ...]."""
        zeros = x.new_zeros(x.shape[0], self.width)
        return zeros, zeros

    def forward(self, x: Tensor, state: State) -> State:
        """Return (h', c'), each [N, width], after reading x [N, inputs] in state (h, c)."""
        h, c = state
        c = self.forget(x, h) * c + self.input(x, h) * self.candidate(x, h)
        return self.output(x, h) * torch.tanh(c), c


class Recurrent(nn.Module):
    """A cell along a sequence: [N, T, inputs] -> every h, [N, T, width]."""

    def __init__(self, cell: LSTMCell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        """Return h at each step."""
        if (node := as_leaf(self, x)) is not None:
            return node
        state, seen = self.cell.start(x), []
        for step in x.unbind(dim=1):
            state = self.cell(step, state)
            seen.append(state[0])
        return torch.stack(seen, dim=1)


class ImageRows(nn.Module):
    """An image as a sequence of its rows: [N, in_chans, H, W] -> [N, H, in_chans * W].

    Raises:
        InputError: an image of another number of channels or another width; its height is free.
    """

    def __init__(self, in_chans: int, image_width: int) -> None:
        super().__init__()
        self.in_chans, self.image_width = in_chans, image_width

    def forward(self, images: Tensor) -> Tensor:
        """Return the rows, top first."""
        return check_rows(images, self.in_chans, self.image_width).transpose(1, 2).flatten(2)


@one_node
def check_rows(images: Tensor, in_chans: int, width: int) -> Tensor:
    """Return images [N, in_chans, H, width], or raise InputError."""
    if (images.shape[1], images.shape[3]) != (in_chans, width):
        raise InputError(
            f"this model takes images of {in_chans} channels and {width} pixels width, got "
            f"{images.shape[1]} and {images.shape[3]}; resize them or build it with in_chans= and image_size="
        )
    return images


class LastStep(nn.Module):
    """The last position of a sequence: [N, T, width] -> [N, width]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the last position."""
        return x[:, -1]
