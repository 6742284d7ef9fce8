"""Muon for filters: the momentum's matrix is made orthogonal before the step (Jordan et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim import Muon as MatrixMuon

from ..errors import InputError

Inner = Callable[[list[dict[str, Any]]], Optimizer]


class FilterMuon(Optimizer):
    """Filters, each as a matrix [out, in * height * width], by one optimiser of matrices; all else by another.

    The matrices are copies, so that filters may lie in memory as they like (channels last).

    Args:
        groups: parameters with their ``weight_decay``.
        lr: of every group.
        matrices: makes the optimiser of the filters' groups.
        others: makes that of the other groups.
        sphere: before each step, bring each filter matrix to the norm sqrt(out): its rows' size is then 1 on average
            and only directions are learned. For filters in front of a norm.

    Raises:
        InputError: there is no filter.
    """

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, matrices: Inner, others: Inner, *, sphere: bool = False
    ) -> None:
        filters = [{**group, "params": [p for p in group["params"] if p.ndim == 4]} for group in groups]
        rest = [{**group, "params": [p for p in group["params"] if p.ndim != 4]} for group in groups]
        filters = [group for group in filters if group["params"]]
        if not filters:
            raise InputError("muon is for filters, and this network has none that learn; use --opt adamw")
        super().__init__([*filters, *rest], {"lr": lr, "weight_decay": 0.0})
        self.sphere = sphere
        self.matrices = {p: nn.Parameter(_matrix(p)) for group in filters for p in group["params"]}
        self.muon = matrices([{**group, "params": [self.matrices[p] for p in group["params"]]} for group in filters])
        self.rest = others(rest)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step along each gradient that there is."""
        for group, inner in zip(self.param_groups, [*self.muon.param_groups, *self.rest.param_groups], strict=True):
            inner["lr"] = group["lr"]
        for parameter, matrix in self.matrices.items():
            matrix.copy_(_matrix(parameter))
            matrix.grad = None if parameter.grad is None else _matrix(parameter.grad)
            if self.sphere and matrix.grad is not None:
                matrix.mul_(len(matrix) ** 0.5 / matrix.norm())
        self.muon.step()
        self.rest.step()
        for parameter, matrix in self.matrices.items():
            parameter.copy_(matrix.view(parameter.shape))

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both."""
        return {"muon": self.muon.state_dict(), "adamw": self.rest.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the state of both back."""
        self.muon.load_state_dict(state_dict["muon"])
        self.rest.load_state_dict(state_dict["adamw"])


def muon_adamw(groups: list[dict[str, Any]], lr: float, momentum: float) -> FilterMuon:
    """Filters by ``torch.optim.Muon``, all else by AdamW.

    Both take the same rate and decay: Muon's steps are scaled to AdamW's size (arXiv:2502.16982, section 2.2).
    """
    return FilterMuon(
        groups,
        lr,
        lambda groups: MatrixMuon(groups, lr=lr, momentum=momentum, adjust_lr_fn="match_rms_adamw"),
        lambda groups: AdamW(groups, lr=lr, betas=(momentum, 0.999)),
    )


def muon_on_sphere(groups: list[dict[str, Any]], lr: float, momentum: float) -> FilterMuon:
    """Filters on a sphere by Muon with three Newton-Schulz steps, all else by Nesterov momentum 0.85.

    As in airbench94_muon.py (github.com/KellerJordan/cifar10-airbench). Filters, whose size is fixed, do not decay.
    What else decays shrinks by ``weight_decay`` a step at its peak rate, whatever that is; the decay is coupled.
    """
    return FilterMuon(
        groups,
        lr,
        lambda groups: MatrixMuon(
            [{**group, "weight_decay": 0.0} for group in groups],
            lr=lr,
            momentum=momentum,
            ns_steps=3,
            adjust_lr_fn="original",
        ),
        lambda groups: SGD(
            [{**group, "weight_decay": group["weight_decay"] / (lr * group["lr_share"])} for group in groups],
            lr=lr,
            momentum=0.85,
            nesterov=True,
        ),
        sphere=True,
    )


def _matrix(filters: Tensor) -> Tensor:
    return filters.detach().reshape(len(filters), -1).clone()
