"""Optimisers, and which parameters decay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from ..errors import InputError, pick
from .lamb import Lamb
from .muon import muon_adamw, muon_on_sphere

Groups = list[dict[str, Any]]

DECAYS = ("matrices", "all")


class Shares(NamedTuple):
    """What part of the rate some parameters learn with; 1 is the rate itself."""

    backbone: float = 1.0  # all but the classifier
    head: float = 1.0  # the classifier
    bias: float = 1.0  # one-dimensional parameters: biases and what norms learn


EQUAL = Shares()


def parameter_groups(model: nn.Module, weight_decay: float, decay: str = "matrices", shares: Shares = EQUAL) -> Groups:
    """Split the parameters that learn into those that decay and those that do not, and by the rate they learn with.

    Args:
        model: its parameters that require a gradient are taken.
        weight_decay: of those that decay; the others have none.
        decay: "matrices" (filters and matrices decay; norms and biases, one-dimensional, do not) or "all" (as in the
            papers up to about 2017).
        shares: of the rate. Where they differ the classifier's groups come first, unless it has a rate of its own.
    """
    if decay not in DECAYS:
        raise InputError(f"decay must be {' or '.join(DECAYS)}, got {decay!r}")
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if shares == EQUAL:
        return _split(learning, weight_decay, decay, 1.0)
    head = {id(parameter) for parameter in classifier_of(model).parameters()}
    own = [parameter for parameter in learning if id(parameter) in head]
    backbone = [parameter for parameter in learning if id(parameter) not in head]
    if shares.head == shares.bias == 1:
        return _split(own, weight_decay, decay, 1.0) + _split(backbone, weight_decay, decay, shares.backbone)
    parts = [
        ([p for p in backbone if p.ndim > 1], shares.backbone),
        ([p for p in own if p.ndim > 1], shares.head),
        ([p for p in learning if p.ndim <= 1], shares.bias),
    ]
    return [group for parameters, share in parts for group in _split(parameters, weight_decay, decay, share)]


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
    return muon_adamw(groups, lr, momentum)


def muon_sphere(groups: Groups, lr: float, momentum: float) -> Optimizer:
    """Muon on filters of fixed size, Nesterov momentum 0.85 for the rest (see ``muon_on_sphere``)."""
    return muon_on_sphere(groups, lr, momentum)


MakeOptimiser = Callable[[Groups, float, float], Optimizer]

OPTIMISERS: dict[str, MakeOptimiser] = {
    "sgd": sgd,
    "nesterov": nesterov,
    "sgdw": sgdw,
    "adamw": adamw,
    "lamb": lamb,
    "muon": muon,
    "muon_sphere": muon_sphere,
}


def pick_optimiser(name: str) -> MakeOptimiser:
    """Return the optimiser of that name, or say which there are."""
    return pick(OPTIMISERS, name, "optimiser", listed=False)


def build_optimiser(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    decay: str = "matrices",
    shares: Shares = EQUAL,
) -> Optimizer:
    """Return the optimiser of that name over the model's parameters."""
    optimiser = pick_optimiser(name)(parameter_groups(model, weight_decay, decay, shares), lr, momentum)
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
