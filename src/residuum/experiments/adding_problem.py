"""Adding problem: which networks remember the start of a sequence after hundreds of steps?

Command    residuum study adding-problem
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..analysis.carousel import lstm_open
from ..errors import InputError
from ..nn import Block, BranchOnly
from ..nn.recurrent import AlwaysOne, LSTMCell, Recurrent, TimeGate
from ..report.dots import dots
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from .form import Members, Numbers, Options, Workspace
from .own_training import minimise
from .statistics import Matters, judged_pairs, spread

QUESTION = (
    "Two of the first ten numbers of a long sequence are marked, and the target at its end is their sum. Which "
    "networks learn to answer: those that carry a memory unchanged, those that may forget, or those without a carry?"
)
SOURCE = "Hoc97 (Neural Computation 9(8)), section 5.4, the adding problem, here with both marks at the beginning"
COST = "about three hours on two cores: 60 runs of 2,000 steps of sequences of 100 and 500 numbers"
EXPECTED = "The two LSTM cells and the residual stack answer; the networks without a carry do not."
DATA = "adding-problem"
DEFAULTS = Options(data=DATA, depths=(100, 500), epochs=20, batch_size=64)
EPOCH = 100  # steps
WIDTH = 32
RATES = (0.003, 0.001)  # the better one for each network and length counts
MARKED = 10  # the marks are among the first MARKED numbers
TESTED = 1000  # sequences to measure the error on
HALF = 0.5
LEVEL = (100.0, "guessing the mean")
MATTERS = Matters(0.1, "chosen here: a tenth of the variance")


class Sequences(NamedTuple):
    """Sequences and their answers."""

    inputs: Tensor  # [N, T, 2]: a number from 0 to 1, and 1 where it is marked
    sums: Tensor  # [N], sums of the two marked numbers


def sequences(count: int, length: int, seed: int, number: int) -> Sequences:
    """Draw sequences from the stream ``study``: equal for equal seed and number."""
    with drawing(seed, "study", 4, length, number):
        values = torch.rand(count, length)
        places = torch.rand(count, min(MARKED, length)).argsort(1)[:, :2]
    marks = torch.zeros(count, length).scatter_(1, places, 1.0)
    return Sequences(torch.stack((values, marks), dim=2), (values * marks).sum(1))


class Reader(nn.Module):
    """A recurrent network read at its last step: [N, T, 2] -> [N]."""

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.fc = nn.Linear(WIDTH, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the answer."""
        return self.fc(self.recurrent(inputs)[:, -1]).squeeze(1)


class Tanh(nn.Module):
    """h' = tanh(W x + U h + b) along a sequence, without a carry: [N, T, 2] -> every h."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = TimeGate(2, WIDTH, nn.Tanh())

    def forward(self, inputs: Tensor) -> Tensor:
        """Return h at each step."""
        h, seen = inputs.new_zeros(len(inputs), WIDTH), []
        for step in inputs.unbind(1):
            h = self.cell(step, h)
            seen.append(h)
        return torch.stack(seen, 1)


class StepBranch(nn.Module):
    """out(tanh(W x + U h + b)): the branch of a block that reads one step."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.read = TimeGate(2, WIDTH, nn.Tanh())
        self.out = nn.Linear(WIDTH, WIDTH)
        with torch.no_grad():
            self.out.weight.mul_(scale)
            self.out.bias.zero_()

    def forward(self, h: Tensor, step: Tensor) -> Tensor:
        """Return the branch's output for the stream h [N, WIDTH] and the step's input [N, 2]."""
        return self.out(self.read(step, h))


class Stack(nn.Module):
    """A block with its own weights for each step: [N, T, 2] -> the last stream, [N, 1, WIDTH]."""

    def __init__(self, length: int, *, merge: Callable[[], nn.Module | None], scale: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(StepBranch(scale), merge=merge()) for _ in range(length))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the last block's output."""
        if inputs.shape[1] != len(self.blocks):
            raise InputError(f"this stack reads {len(self.blocks)} steps, got {inputs.shape[1]}")
        h = inputs.new_zeros(len(inputs), WIDTH)
        for block, step in zip(self.blocks, inputs.unbind(1), strict=True):
            h = block(h, step=step)
        return h[:, None]


def build(kind: str, length: int) -> Reader:
    """Build a network of that kind for sequences of that length.

    The residual stack's branches start smaller by sqrt(length), which keeps the stream's variance at any depth.
    """
    recurrent: dict[str, Callable[[], nn.Module]] = {
        "lstm-1997": lambda: Recurrent(LSTMCell(2, WIDTH, forget=AlwaysOne())),
        "lstm-2000": lambda: Recurrent(lstm_open(WIDTH, inputs=2)),
        "residual": lambda: Stack(length, merge=lambda: None, scale=length**-0.5),
        "tanh": Tanh,
        "plain": lambda: Stack(length, merge=BranchOnly, scale=1.0),
    }
    return Reader(recurrent[kind]())


KINDS = {  # name in sentences, whether it has a carry
    "lstm-1997": ("the LSTM of 1997", True),
    "lstm-2000": ("the LSTM with a forget gate, bias 1", True),
    "residual": ("a residual stack of as many blocks", True),
    "tanh": ("a recurrent network without a carry", False),
    "plain": ("a plain stack of as many layers", False),
}


def members(options: Options) -> Members:
    """Return none: the data are no images, so this study trains its own networks."""
    if options.data != DATA:
        raise InputError(f"this study draws its own sequences, got --data {options.data}; leave --data out")
    if short := [length for length in options.depths if length < 2]:
        raise InputError(f"--depths are sequence lengths in this study, 2 or more, got {short[0]}")
    return {}


def measure(work: Workspace) -> Numbers:
    """Train every network; return the share of the variance that its answers miss, [seeds]."""
    options, missed = work.options, {}
    for length, kind in itertools.product(options.depths, KINDS):
        tried = {
            str(rate): [
                work.keep(
                    f"{kind}-{length}-{rate:g}-seed{seed}",
                    lambda kind=kind, length=length, rate=rate, seed=seed: train_network(
                        kind, length, rate, seed, options
                    ),
                )
                for seed in range(options.seeds)
            ]
            for rate in RATES
        }
        best = min(tried.values(), key=lambda runs: float(np.mean([run["train"] for run in runs])))
        missed.setdefault(str(length), {})[kind] = [run["test"] for run in best]
    return {"data": options.data, "steps": EPOCH * options.training["epochs"], "missed": missed}


def train_network(kind: str, length: int, rate: float, seed: int, options: Options) -> dict[str, float]:
    """Train one network; return the missed share of variance on the last training batches and on new sequences."""
    with drawing(seed, "init"):
        model = build(kind, length)
    losses: list[float] = []

    def loss_of(step: int) -> Tensor:
        inputs, sums = sequences(options.batch_size, length, seed, step)
        loss = F.mse_loss(model(inputs), sums)
        losses.append(float(loss.detach()))
        return loss

    steps = EPOCH * options.training["epochs"]
    if not minimise(model, loss_of, steps=steps, rate=rate, look=lambda step: None):
        return {"train": 1.0, "test": 1.0}  # a diverged network counts as guessing the mean
    inputs, sums = sequences(TESTED, length, seed, -1)
    with torch.no_grad():
        answers = torch.cat([model(part) for part in inputs.split(100)])
    error = F.mse_loss(answers, sums)
    variance = float(sums.var())
    return {"train": min(1.0, float(np.mean(losses[-EPOCH:])) / variance), "test": min(1.0, float(error) / variance)}


def findings(numbers: Numbers) -> list[Finding]:
    """Judge for each length which networks answer."""
    found = []
    for length, by_kind in numbers["missed"].items():
        for kind, (name, carries) in KINDS.items():
            claim = f"{length} steps: {name} {'answers' if carries else 'does not answer'}"
            published = "Hoc97 section 5.4: solved over 100 to 1,000 steps" if kind == "lstm-1997" else "–"
            side, unit = "below" if carries else "above", "of the variance missed"
            found.append(judged_pairs(claim, published, by_kind[kind], side, MATTERS, bound=HALF, unit=unit))
    return found


def answer(numbers: Numbers) -> str:
    """Name who misses less than half of the variance, by length."""
    said = []
    for length, by_kind in numbers["missed"].items():
        who = [KINDS[kind][0] for kind, missed in by_kind.items() if float(np.mean(missed)) < HALF]
        said.append(f"After {length} steps {_listed(who)} answer{'' if len(who) > 1 else 's'}")
    return "; ".join([said[0], *(one[0].lower() + one[1:] for one in said[1:])]) + "."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "none of the networks"


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the missed variance of each network, a figure for each length."""
    drawn = []
    for length, by_kind in numbers["missed"].items():
        values = {KINDS[kind][0]: [100 * share for share in missed] for kind, missed in by_kind.items()}
        figure = dots(values, title=f"Sequences of {length} numbers", xlabel="variance missed, %", level=LEVEL)
        drawn.append(Drawing(f"adding-{length}", figure, f"Variance missed by each network, {length} numbers."))
    return drawn


def tables(numbers: Numbers) -> list[Table]:
    """Return the missed variance of every seed."""
    rows: list[list[Any]] = [
        [length, KINDS[kind][0], spread([100 * share for share in missed]), *(f"{100 * share:.1f}" for share in missed)]
        for length, by_kind in numbers["missed"].items()
        for kind, missed in by_kind.items()
    ]
    seeds = range(len(rows[0]) - 3)
    caption = f"Share of the variance that answers miss after {numbers['steps']:,} steps of training, %; 100: the mean."
    return [Table(["numbers", "network", "missed %", *(f"seed {seed}" for seed in seeds)], rows, caption)]
