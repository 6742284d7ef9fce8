"""Merges: how a block joins what it carried with what it computed, ``merge(shortcut, branch, x)``."""

from torch import Tensor, nn


class Add(nn.Module):
    """shortcut + branch: the residual block (He15 eq. 1)."""

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the sum."""
        return shortcut + branch


class BranchOnly(nn.Module):
    """branch: the plain network, the residual one's twin without the addition."""

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the branch and forget the shortcut."""
        return branch
