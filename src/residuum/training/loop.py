"""The training step, in plain sight. What only watches stays outside: the loop is a generator that others consume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..seeds import seed_of
from .optimisers import shrink
from .schedules import Schedule


class Step(NamedTuple):
    """What one step saw; tensors stay on the device, nobody is made to wait for them."""

    number: int  # counted from the run's first
    lr: float
    loss: Tensor  # mean over the batch
    correct: Tensor  # how many labels were guessed right
    images: int


def train_steps(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimiser: Optimizer,
    *,
    schedule: Schedule,
    criterion: Callable[[Tensor, Tensor], Tensor],
    autocast: AbstractContextManager[object],
    seed: int,
    first: int = 0,
) -> Iterator[Step]:
    """Train on each batch of (images, labels) and yield what was seen.

    Args:
        model: the network, on its device.
        batches: float images [B, C, H, W] and int64 labels [B], on the same device.
        optimiser: each group's ``initial_lr`` is the rate that the schedule scales.
        schedule: factor of the peak rate by step number.
        criterion: logits and labels to a loss.
        autocast: the precision of the forward pass.
        seed: the run's; what the network draws (dropout, dropped branches) belongs to (seed, step).
        first: the first batch's step number.
    """
    model.train()
    for number, (images, labels) in enumerate(batches, first):
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * schedule(number)
        torch.manual_seed(seed_of(seed, "dropout", number))
        with autocast:
            logits = model(images)
            loss = criterion(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        shrink(optimiser)
        optimiser.step()
        correct = (logits.detach().argmax(1) == labels).sum()
        yield Step(number, optimiser.param_groups[0]["lr"], loss.detach(), correct, len(labels))
