"""A learning rate by trying: the range test (Smith 2017, arXiv:1506.01186, section 3.3), rising exponentially."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

import torch

from ..errors import InputError
from .epochs import method_of, training_loader
from .loop import Batch, groups, train_steps
from .run import Run
from .state import begin

MEMORY = 0.95  # of the running mean of the loss; its start is corrected for, as in Adam
REACH = 3  # steps on each side of the one whose slope is taken
TOO_HIGH = 4.0  # times the lowest smoothed loss: the test ends there


class LrCurve(NamedTuple):
    """What the losses were as the rate rose."""

    rates: list[float]
    losses: list[float]
    smooth: list[float]

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, per factor of rate, on its way to the minimum.

        The first steps, where little is smoothed yet, are left out.
        """
        first, last = len(self.smooth) // 10 + REACH, max(len(self.smooth) // 10 + REACH, self._lowest() - REACH)
        return self.rates[min(range(first, last + 1), key=lambda i: self.smooth[i + REACH] - self.smooth[i - REACH])]

    @property
    def tenth(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest: the usual peak rate."""
        return self.rates[self._lowest()] / 10

    def _lowest(self) -> int:
        return min(range(len(self.smooth)), key=lambda i: self.smooth[i])


def find_lr(run: Run, steps: int = 100, lowest: float = 1e-5, highest: float = 10.0) -> LrCurve:
    """Train a copy of the run's network while the rate rises from ``lowest`` to ``highest``, a constant factor a step.

    The run's network, its random streams and its folder are left as they are. The test ends early when the smoothed
    loss has reached four times its lowest value, or is no number.

    Args:
        run: one that has not begun; its optimiser, loss, mixing and precision are used.
        steps: at most.
        lowest: the first rate.
        highest: the last.
    """
    if steps < 10 or not 0 < lowest < highest:
        raise InputError(
            f"a range test needs 10 steps or more and 0 < lowest < highest, got {steps}, {lowest} and {highest}"
        )
    settings = dataclasses.replace(run.settings, ema=0.0, lr=1.0)
    with torch.random.fork_rng(devices=[]):
        state = begin(copy.deepcopy(run.model), settings)
        rise = lowest * (highest / lowest) ** (torch.arange(steps, dtype=torch.float64) / (steps - 1))
        method = dataclasses.replace(method_of(settings, steps), schedule=lambda step: float(rise[step]))
        taken = islice(train_steps(state.model, _steps(run), state.optimiser, method), steps)
        curve, mean = LrCurve([], [], []), 0.0
        for number, step in enumerate(taken, 1):
            loss = step.loss.item()
            if not math.isfinite(loss):
                break
            mean = MEMORY * mean + (1 - MEMORY) * loss
            curve.rates.append(step.lr)
            curve.losses.append(loss)
            curve.smooth.append(mean / (1 - MEMORY**number))
            if curve.smooth[-1] > TOO_HIGH * min(curve.smooth):
                break
    if len(curve.rates) < 10:
        raise InputError(
            f"the loss was no number after {len(curve.rates)} steps; try --precision fp32, or look at the data"
        )
    return curve


def _steps(run: Run) -> Iterator[list[Batch]]:
    """Yield steps of as many batches as the settings say, epoch after epoch."""
    batches = training_loader(run.dataset, run.settings)
    for epoch in count():
        yield from groups(batches.batches(epoch), run.settings.grad_accum)
