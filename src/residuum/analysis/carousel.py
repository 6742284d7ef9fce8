"""The constant error carousel and the residual stream: how an error flows back through time, and through depth.

Each system is a row of steps that passes a state on. ``whole`` is the error at each state, backpropagated from the
last; ``direct`` is the part of it that flows along the carry alone: at fixed gates through time (Hoc97's truncation),
along the shortcuts through depth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..nn import Block
from ..nn.recurrent import AlwaysOne, LSTMCell, TimeGate
from ..seeds import drawing

EXAMPLES = 32


class Error(NamedTuple):
    """Norms of the error, [steps + 1]: behind the last step (1), before it, ..., before the first."""

    whole: list[float]
    direct: list[float]


def lstm_1997(width: int) -> LSTMCell:
    """Build the cell whose carry gate is held at 1 (Hoc97)."""
    return LSTMCell(width, width, forget=AlwaysOne())


def lstm_2000(width: int) -> LSTMCell:
    """Build the cell with a learnt forget gate, as initialised: half open (Gers et al. 2000)."""
    return LSTMCell(width, width)


def lstm_open(width: int, inputs: int | None = None) -> LSTMCell:
    """Build the cell with the forget gate's bias at 1 (Gers et al. 2000; Jozefowicz et al. 2015, ICML).

    Args:
        width: features of its state.
        inputs: features of its input; by default ``width``.
    """
    cell = LSTMCell(width if inputs is None else inputs, width)
    with torch.no_grad():
        cell.forget.get_parameter("x.bias").fill_(1.0)
        cell.forget.get_parameter("h.bias").zero_()
    return cell


def through_time(cell: LSTMCell, steps: int, seed: int = 0) -> Error:
    """Return the error at the memory c of each step, going back from a random direction at the last one.

    Args:
        cell: the recurrent cell; its inputs are as wide as its state.
        steps: the number of steps.
        seed: of the stream ``study``, which draws inputs and direction.
    """
    inputs, towards = _draw(steps, cell.width, seed)
    cell = cell.double()
    h, c = cell.start(inputs[0])
    memories = [c.requires_grad_(True)]
    for x in inputs:
        h, c = cell(x, (h, memories[-1]))
        memories.append(c)
    whole = torch.autograd.grad(memories[-1], memories, towards)
    direct = [towards]
    with torch.no_grad():  # at fixed gates d c' / d c = f
        h, c, gates = *cell.start(inputs[0]), []
        for x in inputs:
            gates.append(cell.forget(x, h))
            h, c = cell(x, (h, c))
        for gate in reversed(gates):
            direct.append(direct[-1] * gate)
    return _norms(list(reversed(whole)), direct)


def recurrent_tanh(width: int, steps: int, seed: int = 0) -> Error:
    """Return the same for h' = tanh(W x + U h + b), a network without a carry."""
    inputs, towards = _draw(steps, width, seed)
    cell = TimeGate(width, width, nn.Tanh()).double()
    states = [torch.zeros_like(inputs[0]).requires_grad_(True)]
    for x in inputs:
        states.append(cell(x, states[-1]))
    whole = torch.autograd.grad(states[-1], states, towards)
    return _norms(list(reversed(whole)), [towards, *(torch.zeros_like(towards) for _ in inputs)])


def through_depth(blocks: Sequence[Block], seed: int = 0, width: int = 64) -> Error:
    """Return the error at the stream before each block, going back from a random direction behind the last one.

    Args:
        blocks: in a row, each from and to ``width`` features.
        seed: of the stream ``study``, which draws input and direction.
        width: features.
    """
    (x,), towards = _draw(1, width, seed)
    stream: list[Tensor] = [x.requires_grad_(True)]
    kept: list[Tensor] = []  # a separate variable for each shortcut's use of the stream
    outputs: list[Tensor] = []
    for block in blocks:
        block.double()
        used, along = stream[-1].detach(), stream[-1].detach().requires_grad_(True)
        kept.append(along)
        outputs.append(block.activation(block.merge(block.shortcut(along), block.branch(used), used)))
        stream.append(block(stream[-1]))
    whole = torch.autograd.grad(stream[-1], stream, towards)
    direct = [towards]
    for y, along in zip(reversed(outputs), reversed(kept), strict=True):
        found = torch.autograd.grad(y, along, direct[-1], allow_unused=True, materialize_grads=True)[0]
        direct.append(found)
    return _norms(list(reversed(whole)), direct)


CELLS: dict[str, Callable[[int], LSTMCell]] = {
    "LSTM of 1997, f = 1": lstm_1997,
    "LSTM of 2000": lstm_2000,
    "LSTM of 2000, forget bias 1": lstm_open,
}


def _draw(steps: int, width: int, seed: int) -> tuple[list[Tensor], Tensor]:
    with drawing(seed, "study", 3):
        values = torch.randn(steps + 1, EXAMPLES, width, dtype=torch.float64)
    return list(values[:-1]), values[-1]


def _norms(whole: Sequence[Tensor], direct: Sequence[Tensor]) -> Error:
    size = float(direct[0].norm())
    return Error(*([_finite(float(each.norm()) / size) for each in row] for row in (whole, direct)))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.inf
