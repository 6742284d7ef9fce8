"""Padded convolutions: as torch pads them, and as TensorFlow does."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .tracing import one_node

Layers = list[tuple[str, nn.Module]]
Convolution = Callable[[str, int, int, int, int, int], Layers]


@one_node
def pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Return x [N, C, H, W] with the border that a convolution needs to give ceil(size / stride)."""
    # Written so that the size cancels: a traced network with free sizes nests these, and torch.export must simplify
    # them. A remainder or a maximum in their place takes it minutes.
    missing = [(size - 1) // stride * stride + kernel - size for size in x.shape[2:]]
    (top, bottom), (left, right) = ((border // 2, border - border // 2) for border in missing)
    return F.pad(x, (left, right, top, bottom))


class SamePad(nn.Module):
    """Pad with zeros so that a strided convolution gives ceil(size / stride), the odd pixel right and below.

    TensorFlow's "same": at stride 2 the padding depends on the image's size. Without parameters.

    Args:
        kernel: height and width of the convolution behind it.
        stride: its stride, at most the kernel's size.

    Raises:
        InputError: a stride that leaves pixels out.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= kernel:
            raise InputError(f"same padding needs a stride from 1 to the kernel's {kernel} pixels, got {stride}")
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Return x [N, C, H, W] with its border."""
        return pad_same(x, self.kernel, self.stride)

    def extra_repr(self) -> str:
        """Show what it pads for."""
        return f"kernel={self.kernel}, stride={self.stride}"


def symmetric(name: str, in_channels: int, out_channels: int, kernel: int, stride: int, groups: int) -> Layers:
    """Build a convolution without bias, padded alike on all sides, under that name."""
    return [(name, nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False))]


def same(name: str, in_channels: int, out_channels: int, kernel: int, stride: int, groups: int) -> Layers:
    """Build a convolution without bias, padded as TensorFlow does; at stride 1 that is alike on all sides."""
    if stride == 1:
        return symmetric(name, in_channels, out_channels, kernel, stride, groups)
    bare = nn.Conv2d(in_channels, out_channels, kernel, stride, groups=groups, bias=False)
    return [("pad", SamePad(kernel, stride)), (name, bare)]


PADDINGS: dict[str, Convolution] = {"symmetric": symmetric, "same": same}


def pick_padding(name: str) -> Convolution:
    """Return the convolution that pads so, or say which there are."""
    if name not in PADDINGS:
        raise InputError(f"padding must be symmetric (torch's) or same (TensorFlow's), got {name!r}")
    return PADDINGS[name]
