"""Squeeze-and-excitation: a gate on each channel that has looked at the whole image."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """x * sigmoid(fc2(relu(fc1(mean of x over positions)))): [N, C, H, W] -> the same shape.

    Args:
        channels: C.
        reduction: how many times narrower it is inside; never below 8 channels, always a multiple of 8.

    Source: Hu et al. 2017, arXiv:1709.01507, eq. 2 to 4; the rounding is timm's.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(8, (channels // reduction + 4) // 8 * 8)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.act = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x with every channel scaled by its gate."""
        squeezed = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(self.act(self.fc1(squeezed))))
