"""Shortcuts: how a block carries its input past its branch.

Every part here has the signature ``(in_channels, out_channels, stride)`` so that a family picks one by name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError, pick
from .convolutions import conv1x1
from .image_norms import Norm

Shortcut = Callable[[int, int, int], nn.Module]


class PadShortcut(nn.Module):
    """Option A: subsample by the stride, then pad channels with zeros, half before and half after.

    Has no parameters. [N, in_channels, H, W] -> [N, out_channels, ceil(H / stride), ceil(W / stride)].
    Source: He15 section 3.3 (A); the published CIFAR weights pad on both sides.

    >>> PadShortcut(16, 32, stride=2)(torch.zeros(1, 16, 8, 8)).shape
    torch.Size([1, 32, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        missing = out_channels - in_channels
        if missing < 0:
            raise InputError(f"option A can only add channels: got {in_channels} -> {out_channels}; use option B")
        self.stride = stride
        self.padding = (missing // 2, missing - missing // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return x subsampled and padded."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *self.padding))

    def extra_repr(self) -> str:
        """Show the padding."""
        return f"stride={self.stride}, padding={self.padding}"


def projection(in_channels: int, out_channels: int, stride: int, norm: Norm = nn.BatchNorm2d) -> nn.Module:
    """Build a 1x1 convolution and a norm (He15 section 3.3)."""
    return nn.Sequential(OrderedDict(conv=conv1x1(in_channels, out_channels, stride), norm=norm(out_channels)))


def option_a(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build the identity where shapes agree, else zero padding: no parameters (He15 section 3.3, A).

    >>> option_a(16, 16), sum(each.numel() for each in option_a(16, 32, 2).parameters())
    (Identity(), 0)
    """
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return PadShortcut(in_channels, out_channels, stride)


def option_b(in_channels: int, out_channels: int, stride: int = 1, *, norm: Norm = nn.BatchNorm2d) -> nn.Module:
    """Build the identity where shapes agree, else a projection (He15 section 3.3, B; torchvision's choice).

    >>> [name for name, _ in option_b(16, 32, stride=2).named_children()]
    ['conv', 'norm']
    """
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return projection(in_channels, out_channels, stride, norm)


def option_c(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build a projection everywhere (He15 section 3.3, C).

    >>> option_c(16, 16)(torch.zeros(1, 16, 8, 8)).shape
    torch.Size([1, 16, 8, 8])
    """
    return projection(in_channels, out_channels, stride)


def option_d(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build the identity where shapes agree, else average pooling by the stride, then a projection at stride 1.

    No activation is skipped over. Source: He et al. 2018, arXiv:1812.01187, figure 2 (c), "ResNet-D".

    >>> [name for name, _ in option_d(16, 32, stride=2).named_children()]
    ['pool', 'conv', 'norm']
    """
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    pool = nn.Identity() if stride == 1 else nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(
        OrderedDict(pool=pool, conv=conv1x1(in_channels, out_channels), norm=nn.BatchNorm2d(out_channels))
    )


def bare_option_b(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build the identity where shapes agree, else a 1x1 convolution alone, as pre-activation networks do.

    The next block's first norm follows anyway (He16; Zag16).

    >>> bare_option_b(16, 32, stride=2)(torch.zeros(1, 16, 8, 8)).shape
    torch.Size([1, 32, 4, 4])
    """
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return nn.Sequential(OrderedDict(conv=conv1x1(in_channels, out_channels, stride)))


def dropout_shortcut(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build option A with half of its output dropped while training (He16 table 1, dropout shortcut)."""
    return nn.Sequential(OrderedDict(carry=option_a(in_channels, out_channels, stride), drop=nn.Dropout(0.5)))


def identity(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Carry x unchanged, whatever the branch does: the shortcut of a block whose merge ignores it."""
    return nn.Identity()


SHORTCUTS: dict[str, Shortcut] = {
    "A": option_a,
    "B": option_b,
    "C": option_c,
    "D": option_d,
}

PREACTIVATION_SHORTCUTS: dict[str, Shortcut] = {
    "A": option_a,
    "B": bare_option_b,
}


def pick_shortcut(name: str, table: dict[str, Shortcut] = SHORTCUTS) -> Shortcut:
    """Return the shortcut of that name, or say which names there are."""
    return pick(table, name, "shortcut")
