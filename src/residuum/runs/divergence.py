"""Where a run diverged: the steps since its last checkpoint made again, each layer looked at.

Nothing watches the layers while a run is healthy. Because a run repeats to the bit, what broke can be found afterwards:
outputs, gradients and weights of every layer are looked at in the order in which they come about.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..training.epochs import fit, steps_made, steps_per_epoch
from ..training.loop import Step
from ..training.run import resumed_run
from ..training.state import Diverged, begin


@dataclass(frozen=True)
class Culprit:
    """The first thing that was not finite."""

    step: int  # counted from the run's first, which is 0; of validation the step after it
    what: str  # "output", "gradient", "weights", "loss" or "validation" (an output on validation images)
    where: str  # name of the layer or of the parameter; of the loss none
    kind: str = ""  # what sort of layer it is

    def __str__(self) -> str:
        """Return it in words."""
        layer = f"{self.where} ({self.kind})" if self.kind else self.where
        said = {
            "output": f"the output of {layer}",
            "validation": f"the output of {layer}",
            "gradient": f"the gradient of {layer}",
            "weights": f"{layer}, after an update by a gradient that was finite",
            "loss": "the loss, of logits that were",
        }
        when = f"the validation before step {self.step}" if self.what == "validation" else f"step {self.step}"
        return f"the first that was not finite, in {when}: {said[self.what]}"


class _Found(Exception):
    """Carries the result out of the step."""

    def __init__(self, what: str, where: str, kind: str = "") -> None:
        self.what, self.where, self.kind = what, where, kind


def find_divergence(directory: str | Path) -> Culprit | None:
    """Make the steps since a run's last checkpoint again and return what was first not finite; None: all was.

    Nothing is written. A step takes longer than in training, since every number is looked at.
    """
    run = resumed_run(directory, {})
    state = begin(run.model, run.settings, run.state)
    done = steps_made(state.progress, steps_per_epoch(run.dataset, run.settings))  # the number of the step in progress
    with looking(state.model):
        try:
            for event in fit(state, run.dataset, run.settings):
                if isinstance(event, Step):
                    _check_weights(state.model)
                    done = event.number + 1
        except _Found as found:
            return Culprit(done, found.what, found.where, found.kind)
        except Diverged:
            return Culprit(done, "loss", "")
    return None


@contextlib.contextmanager
def looking(model: nn.Module) -> Iterator[None]:
    """Stop the block at the first output or gradient of a layer that is not finite.

    The gradients of outputs come from the last layer to the first, each parameter's between them.
    """
    handles: list[Any] = []
    for name, layer in model.named_modules():
        handles.append(layer.register_forward_hook(partial(_look_at_output, name or "the network")))
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            handles.append(parameter.register_hook(_looking_at("gradient", name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _look_at_output(name: str, layer: nn.Module, _: Any, output: Any) -> None:
    kind = type(layer).__name__
    for value in output if isinstance(output, tuple | list) else [output]:
        if isinstance(value, Tensor) and value.is_floating_point():
            _looking_at("output" if layer.training else "validation", name, kind)(value)
            if value.requires_grad:
                value.register_hook(_looking_at("gradient", f"the output of {name}", kind))


def _looking_at(what: str, where: str, kind: str = "") -> Callable[[Tensor], None]:
    def look(value: Tensor) -> None:
        if not torch.isfinite(value).all():
            raise _Found(what, where, kind)

    return look


def _check_weights(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        _looking_at("weights", name)(parameter)
