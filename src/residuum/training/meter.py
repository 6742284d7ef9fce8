"""Sums over steps. What a step saw stays on its device until somebody looks, so that the loop waits for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from .loop import Step

MOST_WAITING = 50  # steps on a device that one must wait for


class Reading(NamedTuple):
    """A step's numbers, once they are looked at."""

    step: Step
    loss: float
    correct: int
    grad_norm: float


@dataclass
class Meter:
    """Loss and hits over steps."""

    loss_sum: float = 0.0  # over the images
    correct: int = 0
    images: int = 0
    waiting: list[Step] = field(default_factory=list, repr=False)  # not yet in loss_sum and correct

    def add(self, step: Step) -> None:
        """Count a step without a look at it."""
        self.images += step.images
        self.waiting.append(step)

    def look(self) -> list[Reading]:
        """Bring the sums up to date; return the steps since the last look."""
        waiting, self.waiting = self.waiting, []
        readings = read_steps(waiting)
        for reading in readings:
            self.loss_sum += reading.loss * reading.step.images
            self.correct += reading.correct
        return readings


def read_steps(steps: Sequence[Step]) -> list[Reading]:
    """Return the numbers of steps; their device is waited for once, however many there are."""
    if not steps:
        return []
    columns = ([step.loss for step in steps], [step.correct for step in steps], [step.grad_norm for step in steps])
    losses, correct, norms = (torch.stack(column).tolist() for column in columns)
    return [Reading(*row) for row in zip(steps, losses, map(int, correct), norms, strict=True)]


def is_due(waiting: Sequence[Step]) -> bool:
    """Return whether steps are to be looked at: on the processor nobody has to wait, elsewhere not too many should."""
    return bool(waiting) and (waiting[-1].loss.device.type == "cpu" or len(waiting) >= MOST_WAITING)
