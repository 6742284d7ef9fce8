"""Muon for filters: the momentum's matrix is made orthogonal before the step (Jordan et al. 2024)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim import Muon as MatrixMuon

from ..errors import InputError


class FilterMuon(Optimizer):
    """Filters by ``torch.optim.Muon``, each as a matrix [out, in * height * width]; all other parameters by AdamW.

    Both take the same rate and decay: Muon's steps are scaled to AdamW's size (arXiv:2502.16982, section 2.2). The
    matrices are copies, so that filters may lie in memory as they like (channels last).
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float) -> None:
        """Split each group in two; raise InputError where there is no filter."""
        filters = [{**group, "params": [p for p in group["params"] if p.ndim == 4]} for group in groups]
        others = [{**group, "params": [p for p in group["params"] if p.ndim != 4]} for group in groups]
        filters = [group for group in filters if group["params"]]
        if not filters:
            raise InputError("muon is for filters, and this network has none that learn; use --opt adamw")
        super().__init__([*filters, *others], {"lr": lr, "weight_decay": 0.0})
        self.matrices = {p: nn.Parameter(_matrix(p)) for group in filters for p in group["params"]}
        as_matrices = [{**group, "params": [self.matrices[p] for p in group["params"]]} for group in filters]
        self.muon = MatrixMuon(as_matrices, lr=lr, momentum=momentum, adjust_lr_fn="match_rms_adamw")
        self.adamw = AdamW(others, lr=lr, betas=(momentum, 0.999))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step along each gradient that there is."""
        for group, inner in zip(self.param_groups, [*self.muon.param_groups, *self.adamw.param_groups], strict=True):
            inner["lr"] = group["lr"]
        for parameter, matrix in self.matrices.items():
            matrix.copy_(_matrix(parameter))
            matrix.grad = None if parameter.grad is None else _matrix(parameter.grad)
        self.muon.step()
        self.adamw.step()
        for parameter, matrix in self.matrices.items():
            parameter.copy_(matrix.view(parameter.shape))

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both."""
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the state of both back."""
        self.muon.load_state_dict(state_dict["muon"])
        self.adamw.load_state_dict(state_dict["adamw"])


def _matrix(filters: Tensor) -> Tensor:
    return filters.detach().reshape(len(filters), -1).clone()
