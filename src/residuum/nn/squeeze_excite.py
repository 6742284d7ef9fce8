"""Gates on each channel, computed from the whole image: squeeze-and-excitation, and efficient attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """x * sigmoid(fc2(relu(fc1(mean of x over positions)))): [N, C, H, W] -> the same shape.

    Args:
        channels: C.
        reduction: the factor by which it is narrower inside; never below 8 channels, always a multiple of 8.

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


class ChannelAttention(nn.Module):
    """x * sigmoid(conv(mean of x over positions)): [N, C, H, W] -> the same shape.

    The convolution runs over neighbouring channels, k of them: the odd number next to (log2(C) + 1) / 2.

    Source: Wang et al. 2019, arXiv:1910.03151, eq. 9 and 12, with gamma 2 and b 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        near = int(abs(math.log2(channels) + 1) / 2)
        size = max(near if near % 2 else near + 1, 3)
        self.conv = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return x with every channel scaled by its gate."""
        gates = torch.sigmoid(self.conv(x.mean((2, 3)).unsqueeze(1)))
        return x * gates.transpose(1, 2).unsqueeze(-1)
