"""LAMB: Adam's step, scaled layer by layer to the size of the weights (You et al. 2019, arXiv:1904.00962)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Lamb(Optimizer):
    """Algorithm 2 of the paper: w <- w - lr * (|w| / |u|) * u with u = Adam's direction + weight_decay * w.

    As in timm, with which A1 to A3 were trained: groups without decay (norms, biases) take Adam's step as it is. The
    clipping inside timm's LAMB is ``clip_grad`` here.

    Args:
        groups: parameters with their ``weight_decay``.
        lr: of every group.
        betas: of the running means of gradient and squared gradient.
        eps: added to the root of the second.
    """

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-6
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step along each gradient that there is."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = self._adam(parameter, group)
                if group["weight_decay"]:
                    update += group["weight_decay"] * parameter
                    update *= _trust(parameter.norm(), update.norm())
                parameter.sub_(group["lr"] * update)

    def _adam(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        beta1, beta2 = group["betas"]
        state["step"] += 1
        state["mean"].lerp_(parameter.grad, 1 - beta1)
        state["square"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
        mean = state["mean"] / (1 - beta1 ** state["step"])
        square = state["square"] / (1 - beta2 ** state["step"])
        return mean / (square.sqrt() + group["eps"])


def _trust(weights: Tensor, update: Tensor) -> Tensor:
    """Return |w| / |u|, or 1 where either is 0."""
    return torch.where((weights > 0) & (update > 0), weights / update, torch.ones_like(weights))
