"""Gates on each channel, computed from the whole image: squeeze-and-excitation, and efficient attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """x * gate(fc2(act(fc1(mean of x over positions)))): [N, C, H, W] -> the same shape.

    Args:
        channels: C.
        hidden: how wide it is inside; by default a sixteenth of C, rounded to a multiple of 8 as timm does, and at
            least 8.
        act: what acts on the hidden layer, ReLU by default.
        gate: from a channel's logit to its scale, the sigmoid by default.

    Source: Hu et al. 2017, arXiv:1709.01507, eq. 2 to 4.

    >>> SqueezeExcite(32)(torch.zeros(1, 32, 4, 4)).shape
    torch.Size([1, 32, 4, 4])
    """

    def __init__(
        self, channels: int, hidden: int = 0, *, act: nn.Module | None = None, gate: nn.Module | None = None
    ) -> None:
        super().__init__()
        hidden = hidden or max(8, (channels // 16 + 4) // 8 * 8)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.act = act if act is not None else nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.gate = gate if gate is not None else nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Return x with every channel scaled by its gate."""
        squeezed = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.fc2(self.act(self.fc1(squeezed))))


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
