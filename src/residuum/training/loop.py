"""The training step, in plain sight. What only watches stays outside: the loop is a generator that others consume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from ..optim.freezing import train_mode
from ..optim.mixing import Mix, unmixed
from ..optim.optimisers import shrink
from ..optim.schedules import Schedule
from ..parallel.distribution import WHOLE, Part
from ..seeds import seed_of

Batch = tuple[Tensor, Tensor]  # images [B, C, H, W], int64 labels [B]
Item = TypeVar("Item")


class Step(NamedTuple):
    """What one step saw; tensors stay on the device, nobody is made to wait for them.

    >>> Step(0, 0.1, torch.tensor(2.3), torch.tensor(9), 64, torch.tensor(1.0)).images
    64
    """

    number: int  # counted from the run's first
    lr: float
    loss: Tensor  # mean over the step's images
    correct: Tensor  # how many labels were guessed right; where images are mixed, of the images underneath
    images: int
    grad_norm: Tensor  # of the whole gradient, before clipping


@dataclass(frozen=True)
class Method:
    """How batches become a step: every part of the mathematics beside the model, the data and the optimiser."""

    schedule: Schedule  # factor of the peak rate by step number
    criterion: Callable[[Tensor, Tensor], Tensor]  # logits and targets to a mean over the batch
    seed: int  # the run's; what is drawn belongs to (seed, stream, step)
    autocast: AbstractContextManager[object] = field(default_factory=nullcontext)  # the precision of the forward pass
    normalise: Callable[[Tensor], Tensor] = lambda images: images  # what the loader gives to what the network takes
    mix: Mix = unmixed
    clip_grad: float = 0.0  # largest norm of the whole gradient; 0: any
    part: Part = WHOLE  # which images of every batch are here, where several processes train


def train_steps(
    model: nn.Module,
    steps: Iterable[Sequence[Batch]],
    optimiser: Optimizer,
    method: Method,
    *,
    average: AveragedModel | None = None,
    first: int = 0,
) -> Iterator[Step]:
    """Make a step of each group of batches and yield what was seen.

    The gradient is that of the mean loss over all images of the group, whatever the size of each batch: a group of
    batches gives what one large batch would, but for batch norm, which sees each batch by itself. Where several
    processes train, the step is that of their joint batches, and what is yielded belongs to these.

    Args:
        model: the network, on its device (see ``parallel``).
        steps: for each step the batches whose gradients are added up (see ``groups``).
        optimiser: each group's ``initial_lr`` is the rate that the schedule scales.
        method: how a step is made.
        average: running average of the weights, brought up to date after each step.
        first: the first step's number.

    >>> from residuum.training.loop import Method
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))  # any module
    >>> batches = [[(torch.randn(8, 1, 8, 8), torch.arange(8))] for _ in range(3)]  # one batch a step
    >>> method = Method(lambda step: 1.0, torch.nn.functional.cross_entropy, seed=0)
    >>> optimiser = torch.optim.SGD([{"params": model.parameters(), "initial_lr": 0.1}])
    >>> [step.images for step in train_steps(model, batches, optimiser, method)]
    [8, 8, 8]
    """
    train_mode(model)
    lots = method.part.lots(model)
    for number, batches in enumerate(steps, first):
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * method.schedule(number)
        torch.manual_seed(seed_of(method.seed, "dropout", number, method.part.world.rank))
        lots.manual_seed(seed_of(method.seed, "depth", number))
        optimiser.zero_grad()
        count = sum(len(labels) - method.part.neighbours for _, labels in batches)
        losses, correct = [], []
        for place, (pixels, labels) in enumerate(batches):
            images = method.normalise(pixels)
            labels = labels.to(images.device)
            images, targets = method.mix(images, labels, seed_of(method.seed, "mix", number, place))
            images, targets, labels = method.part.own(images, targets, labels)
            with method.autocast:
                logits = model(images)
                share = method.criterion(logits, targets) * (len(labels) / count * method.part.weight)
            share.backward()
            losses.append(share.detach())
            correct.append((logits.detach().argmax(1) == labels).sum())
        grad_norm = get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        if method.clip_grad:
            clip_grads_with_norm_(model.parameters(), method.clip_grad, grad_norm)
        shrink(optimiser)
        optimiser.step()
        if average is not None:
            average.update_parameters(model)
        loss, right, count = method.part.whole(torch.stack(losses).sum(), torch.stack(correct).sum(), count)
        yield Step(number, optimiser.param_groups[0]["lr"], loss, right, count, grad_norm)


def groups(batches: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of ``size`` batches; the last one may be shorter."""
    batches = iter(batches)
    while group := list(islice(batches, size)):
        yield group
