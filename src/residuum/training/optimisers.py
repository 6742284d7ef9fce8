"""Optimisers, and which parameters decay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from ..errors import InputError, nearest
from .lamb import Lamb
from .muon import FilterMuon

Groups = list[dict[str, Any]]

DECAYS = ("matrices", "all")


def parameter_groups(
    model: nn.Module, weight_decay: float, decay: str = "matrices", backbone_lr: float = 1.0
) -> Groups:
    """Split the parameters that learn into those that decay and those that do not.

    Args:
        model: its parameters that require a gradient are taken.
        weight_decay: of the first group; the second has none.
        decay: "matrices" (filters and matrices decay; norms and biases, one-dimensional, do not) or "all" (as in the
            papers up to about 2017).
        backbone_lr: share of the rate for all but the classifier; other than 1 it makes four groups, the classifier's
            two first.
    """
    if decay not in DECAYS:
        raise InputError(f"decay must be {' or '.join(DECAYS)}, got {decay!r}")
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if backbone_lr == 1:
        return _split(learning, weight_decay, decay, 1.0)
    head = {id(parameter) for parameter in classifier_of(model).parameters()}
    own = [parameter for parameter in learning if id(parameter) in head]
    backbone = [parameter for parameter in learning if id(parameter) not in head]
    return _split(own, weight_decay, decay, 1.0) + _split(backbone, weight_decay, decay, backbone_lr)


def _split(parameters: list[nn.Parameter], weight_decay: float, decay: str, lr_share: float) -> Groups:
    decaying = [parameter for parameter in parameters if decay == "all" or parameter.ndim > 1]
    others = [parameter for parameter in parameters if decay != "all" and parameter.ndim <= 1]
    return [
        {"params": decaying, "weight_decay": weight_decay, "lr_share": lr_share},
        {"params": others, "weight_decay": 0.0, "lr_share": lr_share},
    ]


def classifier_of(model: nn.Module) -> nn.Module:
    """Return the last linear layer: the one that makes logits of features."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise InputError(f"{type(model).__name__} has no linear layer as its classifier; leave --backbone-lr out")
    return layers[-1]


def sgd(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """Momentum; weight decay is coupled: lambda * w is added to the gradient (He15 section 3.4)."""
    return SGD(groups, lr=lr, momentum=momentum)


def nesterov(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """Nesterov momentum, coupled weight decay."""
    return SGD(groups, lr=lr, momentum=momentum, nesterov=True)


def sgdw(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """Momentum; weight decay is decoupled: w shrinks by lr * lambda beside the step (arXiv:1711.05101, SGDW)."""
    return SGD(
        [{**group, "weight_decay": 0.0, "shrink": group["weight_decay"]} for group in groups], lr=lr, momentum=momentum
    )


def adamw(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """AdamW, decoupled weight decay; ``momentum`` is beta 1."""
    return AdamW(groups, lr=lr, betas=(momentum, 0.999))


def lamb(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """LAMB; ``momentum`` is beta 1."""
    return Lamb(groups, lr=lr, betas=(momentum, 0.999))


def muon(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """Muon for filters, AdamW for the rest; ``momentum`` is Muon's and AdamW's beta 1."""
    return FilterMuon(groups, lr=lr, momentum=momentum)


MakeOptimiser = Callable[[Groups, float, float], Optimizer]

OPTIMISERS: dict[str, MakeOptimiser] = {
    "sgd": sgd,
    "nesterov": nesterov,
    "sgdw": sgdw,
    "adamw": adamw,
    "lamb": lamb,
    "muon": muon,
}


def pick_optimiser(name: str) -> MakeOptimiser:
    """Return the optimiser of that name, or say which there are."""
    if name not in OPTIMISERS:
        raise InputError(f"no optimiser is named {name!r}; {nearest(name, list(OPTIMISERS))}")
    return OPTIMISERS[name]


def build_optimiser(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    decay: str = "matrices",
    backbone_lr: float = 1.0,
) -> Optimizer:
    """Return the optimiser of that name over the model's parameters."""
    optimiser = pick_optimiser(name)(parameter_groups(model, weight_decay, decay, backbone_lr), lr, momentum)
    for group in optimiser.param_groups:
        group["initial_lr"] = lr * group["lr_share"]  # the peak that the schedule scales, under torch's name for it
    return optimiser


@torch.no_grad()
def shrink(optimiser: Optimizer) -> None:
    """Apply decoupled weight decay, w <- (1 - lr * lambda) w, to the groups that ask for it."""
    for group in optimiser.param_groups:
        if group.get("shrink"):
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group["shrink"])
