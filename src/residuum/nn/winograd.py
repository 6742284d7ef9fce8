"""Winograd's convolutions F(4x4, 3x3): a quarter of the multiplications of a 3x3 convolution, both ways, in bf16.

A tile of 4x4 results of a 3x3 filter is, along each axis, the product of two short polynomials. Evaluated at six
points these multiply number by number: y = A' [(G w G') * (B' x B)] A, 36 products instead of 144 (Lavin and Gray 2016,
arXiv:1509.09308, section 4). Summed over the channels the 36 are matrix products. The gradient to x is such a
convolution with the filters turned around; that to w is G' [sum over tiles of (A dy A') * (B' x B)] G. All of it is one
C file (``winograd.c``).

The mathematics is that of a convolution, the rounding is not: numbers are rounded to bf16 behind each transform, which
leaves an error of some 1 % of the result's size (0.2 % without), in the gradients as well.
"""

from __future__ import annotations

import ctypes
from functools import cache
from types import MethodType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .compiled import compiled
from .small_conv import Shape, conv3x3, in_bf16, is_plain_3x3

Model = TypeVar("Model", bound=nn.Module)

TILE = 4  # pixels on a side of what one tile results in
PRODUCTS = 36  # of two matrices
PANEL = 32  # channels, of which there are full panels only in winograd.c

# Where it saves time (LOG.md): enough tiles and channels to pay for the transforms, and little beyond the border.
LEAST_TILES = 256
LEAST_CHANNELS = 24
LARGEST_SHARE = 0.5  # of the direct convolution's products


def use_winograd(model: Model) -> Model:
    """Let the 3x3 convolutions train by Winograd's algorithm wherever that is faster; in place, and returned.

    No module is replaced, a convolution only gets another ``forward``. It serves bf16 maps [N, C, H, W] in
    channels-last memory on processors that multiply bf16 themselves, while gradients are recorded; all else is as in a
    fused network, and what only evaluates is torch's own. ``without_winograd`` takes it away again.
    """
    for module in model.modules():
        if is_plain_3x3(module) and min(module.in_channels, module.out_channels) >= LEAST_CHANNELS:
            module.forward = MethodType(_forward, module)
    return model


def without_winograd(model: Model) -> Model:
    """Take away what ``use_winograd`` did; in place, and returned."""
    for module in model.modules():
        if getattr(vars(module).get("forward"), "__func__", None) is _forward:
            del module.forward
    return model


def winograd_pays() -> bool:
    """Return whether the compiled part is there and this processor has what it needs, and nothing better."""
    library = kernel()
    return library is not None and bool(library.winograd_pays())


def winograd_conv(x: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution of x with 3x3 filters, a border of one pixel of zeros around it, by Winograd's algorithm.

    Args:
        x: [N, in_channels, H, W], bf16 in channels-last memory.
        weight: [out_channels, in_channels, 3, 3]; its gradient has its type.

    Raises:
        RuntimeError: from torch, when a gradient of the gradient is asked for.
        MemoryError: there is none for the tiles that are computed at once.
    """
    return _Winograd.apply(x, weight)


def _forward(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return winograd_conv(x, conv.weight) if _served(conv, x) else conv3x3(conv, x)


def _served(conv: nn.Conv2d, x: Tensor) -> bool:
    return (
        winograd_pays()
        and in_bf16(conv, x)
        and len(x) * _tiles(x) >= LEAST_TILES
        and _tiles(x) * PRODUCTS <= LARGEST_SHARE * 9 * x.shape[2] * x.shape[3]
    )


def _tiles(x: Tensor) -> int:
    """Return how many tiles an image has."""
    return -(-x.shape[2] // TILE) * -(-x.shape[3] // TILE)


@cache
def kernel() -> ctypes.CDLL | None:
    """Return the compiled part, or None where the package was installed without a compiler."""
    library = compiled("winograd", Shape)
    if library is not None:
        library.winograd_pack.argtypes = [ctypes.c_void_p] * 3
        library.winograd_convolve.argtypes = [ctypes.c_void_p] * 4
        library.winograd_filters.argtypes = [ctypes.c_void_p] * 5
    return library


def _library() -> ctypes.CDLL:
    library = kernel()
    assert library is not None
    return library


def _shape(x: Tensor, out_channels: int) -> Any:
    n, in_channels, height, width = x.shape
    return ctypes.byref(Shape(n, height, width, in_channels, out_channels, torch.get_num_threads()))


def _padded(channels: int) -> int:
    return -(-channels // PANEL) * PANEL


def _convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution of x with filters [out_channels, in_channels, 3, 3]."""
    out_channels, in_channels = weight.shape[:2]
    shape, nine = _shape(x, out_channels), weight.float().permute(2, 3, 1, 0).contiguous()
    packed = torch.empty(_padded(out_channels) * PRODUCTS * _padded(in_channels), dtype=torch.bfloat16)
    _library().winograd_pack(nine.data_ptr(), packed.data_ptr(), shape)
    size = len(x), out_channels, *x.shape[2:]
    y = torch.empty(size, dtype=torch.bfloat16, memory_format=torch.channels_last)
    if _library().winograd_convolve(x.data_ptr(), packed.data_ptr(), y.data_ptr(), shape):
        raise MemoryError(f"there is no memory for the tiles of {in_channels} channels that are computed at once")
    return y


def _filter_gradient(x: Tensor, dy: Tensor) -> Tensor:
    """Return the gradient to the filters: float32 [out_channels, in_channels, 3, 3]."""
    in_channels, out_channels = x.shape[1], dy.shape[1]
    totals = torch.empty(PRODUCTS * _padded(out_channels) * _padded(in_channels))
    nine, shape = torch.empty(3, 3, out_channels, in_channels), _shape(x, out_channels)
    pointers = [tensor.data_ptr() for tensor in (x, dy, totals, nine)]
    if _library().winograd_filters(*pointers, shape):
        raise MemoryError(f"there is no memory for the tiles of {in_channels} channels that are computed at once")
    return nine.permute(2, 3, 0, 1)


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, x: Tensor, weight: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        with torch.autocast("cpu", enabled=False):
            return _convolve(x, weight)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, dy: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = dweight = None
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[0]:
                dx = _convolve(dy, weight.flip(2, 3).transpose(0, 1))
            if ctx.needs_input_grad[1]:
                dweight = _filter_gradient(x, dy).to(weight.dtype, memory_format=torch.preserve_format)
        return dx, dweight
