"""Convolutions whose filters are standardised at every use (Qiao et al. 2019, arXiv:1903.10520)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-8  # of a filter's variance, as timm has it in its BiT networks


class StandardisedConv2d(nn.Conv2d):
    """A convolution by (w - mean(w)) / sqrt(var(w) + eps), where each filter has its own mean and variance.

    [N, in_channels, H, W] -> [N, out_channels, H', W'] as ``nn.Conv2d``.
    """

    def standardised_weight(self) -> Tensor:
        """Return the filters at mean 0 and variance 1."""
        rows = self.weight.reshape(1, self.out_channels, -1)
        return F.batch_norm(rows, None, None, training=True, eps=EPS).view_as(self.weight)  # as timm, to its last bit

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the convolution of x by the standardised filters."""
        return self._conv_forward(x, self.standardised_weight(), self.bias)


def standardised(conv: nn.Conv2d) -> StandardisedConv2d:
    """Build a standardised convolution of the sizes of another, which has no bias."""
    return StandardisedConv2d(*_sizes(conv), groups=conv.groups, bias=False)


def plain(conv: StandardisedConv2d) -> nn.Conv2d:
    """Build the ordinary convolution that computes the same, its filters standardised once in float64."""
    new = nn.Conv2d(*_sizes(conv), groups=conv.groups, bias=False, device="meta")
    wide = conv.weight.detach().cpu().double()
    variance, mean = torch.var_mean(wide, dim=(1, 2, 3), correction=0, keepdim=True)
    new.weight = nn.Parameter(((wide - mean) * torch.rsqrt(variance + EPS)).to(conv.weight))
    return new


def _sizes(conv: nn.Conv2d) -> tuple[Any, ...]:
    """Return channels in and out, kernel, stride and padding."""
    return conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding
