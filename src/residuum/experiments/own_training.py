"""Training for studies whose networks are not image classifiers: AdamW, a cosine schedule, clipped gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from ..optim.optimisers import build_optimiser, shrink
from ..optim.schedules import build_schedule

WARMUP, CLIP = 0.05, 1.0  # share of the steps; largest norm of the whole gradient


def minimise(
    model: nn.Module, loss_of: Callable[[int], Tensor], *, steps: int, rate: float, look: Callable[[int], None]
) -> bool:
    """Train a model in place; return whether every loss was finite. Stop at the first loss that is not.

    Args:
        model: its parameters are trained; the caller sets its mode.
        loss_of: returns the loss of a step, numbered from 0.
        steps: number of steps.
        rate: AdamW's peak rate, reached after a twentieth of the steps; a cosine decays it to 0. No weight decay.
        look: receives the number of finished steps, 0 before the first; may read the last step's gradients.
    """
    optimiser = build_optimiser("adamw", model, lr=rate, momentum=0.9, weight_decay=0.0)
    factor = build_schedule("cosine", steps, round(WARMUP * steps))
    look(0)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * factor(step)
        optimiser.zero_grad()
        loss = loss_of(step)
        if not math.isfinite(float(loss.detach())):
            return False
        loss.backward()
        clip_grad_norm_(model.parameters(), CLIP)
        shrink(optimiser)
        optimiser.step()
        look(step + 1)
    return True


@torch.no_grad()
def gradient_norm(module: nn.Module) -> float | None:
    """Return the norm of the gradient of a module's parameters; None without a gradient or where it is not finite."""
    gradients = [parameter.grad.flatten() for parameter in module.parameters() if parameter.grad is not None]
    norm = float(torch.cat(gradients).norm()) if gradients else math.nan
    return norm if math.isfinite(norm) else None
