"""What a run changes as it goes: all that a checkpoint must hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from ..errors import Diverged
from ..evaluation import Scores
from ..kernels import fuse, use_winograd
from ..nn.whitening import keep_whitened
from ..optim.averaging import running_average
from ..optim.freezing import freeze
from ..optim.optimisers import Shares, build_optimiser
from ..parallel.sync_norm import synchronise
from ..settings import Settings
from .loop import Step
from .meter import Meter, Reading, is_due
from .records import EpochRow

PROGRESS = ("epoch", "step", "loss_sum", "correct", "images", "best", "history")  # as a checkpoint has them


@dataclass
class Progress(Meter):
    """Where a run stands; what it has measured is of the epoch so far."""

    epoch: int = 0
    step: int = 0  # within the epoch
    best: float = -1.0  # validation accuracy, percent
    history: list[EpochRow] = field(default_factory=list)

    def count(self, step: Step) -> None:
        """Add a step, and look at those that are due."""
        self.step += 1
        self.add(step)
        if is_due(self.waiting):
            self.look()

    def look(self) -> list[Reading]:
        """Bring the sums up to date; raise Diverged at the first step whose loss or gradient is no number."""
        readings = super().look()
        for step, loss, _, gradient in readings:
            if not (math.isfinite(loss) and math.isfinite(gradient)):
                named = f"the gradient's norm became {gradient}" if math.isfinite(loss) else f"the loss became {loss}"
                raise Diverged(
                    f"{named} at step {step.number} (epoch {self.epoch + 1}); the last checkpoint and the best weights "
                    "are of before; try a smaller --lr, --clip-grad 1 or --precision fp32"
                )
        return readings

    def close(self, lr: float, scores: Scores | None, weight_norm: float) -> EpochRow:
        """End the epoch and return its row, with NaN for what was not measured."""
        self.look()
        if scores is not None and not math.isfinite(scores.loss):
            raise Diverged(
                f"the validation loss became {scores.loss} in epoch {self.epoch + 1}; the last checkpoint and the best "
                "weights are of before; try a smaller --lr or --precision fp32"
            )
        row = {
            "epoch": self.epoch + 1,
            "lr": lr,
            "train_loss": self.loss_sum / self.images,
            "train_acc1": 100 * self.correct / self.images,
            "val_loss": scores.loss if scores else math.nan,
            "val_acc1": scores.top1 if scores else math.nan,
            "val_acc5": scores.top5 if scores else math.nan,
            "weight_norm": weight_norm,
        }
        if self.history:  # a run that an earlier version started keeps its columns
            row = {name: row[name] for name in self.history[0]}
        self.history.append(row)
        self.epoch, self.step, self.loss_sum, self.correct, self.images = self.epoch + 1, 0, 0.0, 0, 0
        return row


@dataclass
class State:
    """What a run changes as it goes."""

    model: nn.Module
    optimiser: Optimizer
    average: AveragedModel | None  # of the weights
    progress: Progress

    @property
    def result(self) -> nn.Module:
        """The network that is evaluated and saved: the average where one is kept, else the one that is trained."""
        return self.model if self.average is None else self.average.module


def begin(model: nn.Module, settings: Settings, saved: dict[str, Any] | None = None) -> State:
    """Put the model on its device, channels last, and return a run's state: before its first step, or as saved."""
    model.to(settings.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if settings.sync_bn and settings.processes > 1:
        synchronise(model, settings.device)
    freeze(model, settings.freeze)
    if settings.whiten:
        keep_whitened(model)
    use_kernels(model, settings)
    optimiser = build_optimiser(
        settings.opt,
        model,
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        decay=settings.decay,
        shares=shares_of(settings),
    )
    state = State(model, optimiser, running_average(model, settings.ema) if settings.ema else None, Progress())
    if saved is not None:
        restore(saved, state)
    return state


def use_kernels(model: nn.Module, settings: Settings) -> None:
    """Let the model train with the operations that the run has chosen."""
    if settings.kernels == "fused":
        fuse(model)
        if settings.winograd:
            use_winograd(model)


def shares_of(settings: Settings) -> Shares:
    """Return what part of the rate each kind of parameter learns with."""
    head = 1.0 if settings.head_lr is None else settings.head_lr / settings.lr
    bias = 1.0 if settings.bias_lr is None else settings.bias_lr / settings.lr
    return Shares(settings.backbone_lr, head, bias)


def refuse_broken(state: State) -> None:
    """Raise Diverged where a weight is not finite, so that no file is written of it."""
    for name, parameter in state.model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise Diverged(
                f"{name} is no longer finite in epoch {state.progress.epoch + 1}, step {state.progress.step}; the last "
                "checkpoint and the best weights are of before; try a smaller --lr"
            )


def checkpoint_of(state: State) -> dict[str, Any]:
    """Return what is saved: tensors, numbers, strings, lists and dicts."""
    state.progress.look()
    refuse_broken(state)
    average = {} if state.average is None else {"average": state.average.state_dict()}
    return {
        "model": state.model.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "progress": {name: getattr(state.progress, name) for name in PROGRESS},
        **average,
    }


def restore(saved: dict[str, Any], state: State) -> None:
    """Put what was saved into a run's first state."""
    state.model.load_state_dict(saved["model"])
    state.optimiser.load_state_dict(saved["optimiser"])
    if state.average is not None:
        state.average.load_state_dict(saved["average"])
    state.progress = Progress(**saved["progress"])
