"""Parts of networks that treat every position by itself, with channels last: norms, scales, and the way there.

Source: Liu et al. 2022, arXiv:2201.03545, section 2; the scale: Touvron et al. 2021, arXiv:2103.17239, eq. 4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ToLast(nn.Module):
    """[N, C, H, W] -> [N, H, W, C]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x with its channels last."""
        return x.permute(0, 2, 3, 1)


class ToFirst(nn.Module):
    """[N, H, W, C] -> [N, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x with its channels first."""
        return x.permute(0, 3, 1, 2)


class ChannelNorm(nn.Module):
    """Layer norm of each position of [N, C, H, W] over its channels, scaled and shifted.

    Args:
        channels: C.
        eps: added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return x with each position at mean 0 and variance 1, scaled and shifted."""
        last = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps)
        return last.permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Show its width."""
        return f"{len(self.weight)}, eps={self.eps}"


class ChannelScale(nn.Module):
    """weight * x with a learnt number for each channel of [..., C].

    Args:
        channels: C.
        start: where every number starts; near 0 the block starts as its shortcut.
    """

    def __init__(self, channels: int, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        """Return x scaled."""
        return self.weight * x

    def extra_repr(self) -> str:
        """Show its width."""
        return f"{len(self.weight)}"
