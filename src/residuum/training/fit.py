"""Epochs: train on each batch, then score on the validation pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from ..data import Dataset, EvaluationLoader, FileImages, Loader, MemoryLoader, StreamLoader
from ..data.pixels import Normalise
from ..errors import ResiduumError
from ..evaluation import Scores, score
from .loop import Step, train_steps
from .optimisers import build_optimiser
from .precision import autocast
from .schedules import schedule_of
from .settings import Settings

Row = dict[str, float]


class Epoch(NamedTuple):
    """What an epoch came to."""

    row: Row  # epoch, lr, train_loss, train_acc1, val_loss, val_acc1, val_acc5
    scores: Scores


class Diverged(ResiduumError):
    """The loss is no longer a number."""

    exit_code = 1


@dataclass
class Progress:
    """Where a run stands: all that a checkpoint needs beside the model and the optimiser."""

    epoch: int = 0
    step: int = 0  # within the epoch
    loss_sum: float = 0.0  # over the epoch's pictures so far
    correct: int = 0
    images: int = 0
    best: float = -1.0  # validation accuracy, percent
    history: list[Row] = field(default_factory=list)

    def count(self, step: Step) -> None:
        """Add a step."""
        loss = step.loss.item()
        if loss != loss or loss == float("inf"):
            raise Diverged(
                f"the loss became {loss} at step {step.number} (epoch {self.epoch + 1}); the files hold the last whole "
                "epoch; try a smaller --lr or --precision fp32"
            )
        self.step += 1
        self.loss_sum += loss * step.images
        self.correct += int(step.correct.item())
        self.images += step.images

    def close(self, lr: float, scores: Scores) -> Row:
        """End the epoch and return its row."""
        row = {
            "epoch": self.epoch + 1,
            "lr": lr,
            "train_loss": self.loss_sum / self.images,
            "train_acc1": 100 * self.correct / self.images,
            "val_loss": scores.loss,
            "val_acc1": scores.top1,
            "val_acc5": scores.top5,
        }
        self.history.append(row)
        self.epoch, self.step, self.loss_sum, self.correct, self.images = self.epoch + 1, 0, 0.0, 0, 0
        return row


def fit(
    model: nn.Module, dataset: Dataset, settings: Settings, optimiser: Optimizer, progress: Progress
) -> Iterator[Step | Epoch]:
    """Train from where ``progress`` stands to the last epoch, yielding each step and each epoch."""
    batches = training_loader(dataset, settings)
    held_out = validation_loader(dataset, settings)
    normalise = Normalise(tuple(settings.mean), tuple(settings.std), settings.device)
    per_epoch = len(batches)
    schedule = schedule_of(settings, per_epoch)
    criterion = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    while progress.epoch < settings.epochs:
        prepared = (
            (normalise(pixels), labels.to(settings.device))
            for pixels, labels in batches.batches(progress.epoch, start=progress.step)
        )
        steps = train_steps(
            model,
            prepared,
            optimiser,
            schedule=schedule,
            criterion=criterion,
            autocast=autocast(settings.precision, settings.device),
            seed=settings.seed,
            first=progress.epoch * per_epoch + progress.step,
        )
        for step in steps:
            progress.count(step)
            yield step
        scores = score(model, held_out, normalise, nullcontext())
        yield Epoch(progress.close(optimiser.param_groups[0]["lr"], scores), scores)


def build_training(model: nn.Module, settings: Settings) -> Optimizer:
    """Put the model on its device, channels last, and return its optimiser."""
    model.to(settings.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return build_optimiser(
        settings.opt,
        model,
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        decay=settings.decay,
    )


def training_loader(dataset: Dataset, settings: Settings) -> Loader:
    """Return the training batches as the settings say."""
    if isinstance(dataset.train, FileImages):
        size = (settings.image_size[0], settings.image_size[1])
        return StreamLoader(dataset.train, settings.batch_size, settings.seed, size, settings.workers)
    return MemoryLoader(dataset.train, settings.batch_size, settings.seed, settings.pad, settings.flip)


def validation_loader(dataset: Dataset, settings: Settings) -> EvaluationLoader:
    """Return the validation pictures as the settings say."""
    size = (settings.image_size[0], settings.image_size[1])
    return EvaluationLoader(dataset.val, max(256, settings.batch_size), size, settings.resize, settings.workers)


def checkpoint_of(model: nn.Module, optimiser: Optimizer, progress: Progress) -> dict[str, Any]:
    """Return the resumable state."""
    return {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "progress": vars(progress)}


def restore(state: dict[str, Any], model: nn.Module, optimiser: Optimizer) -> Progress:
    """Put the state back and return where the run stands."""
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return Progress(**state["progress"])
