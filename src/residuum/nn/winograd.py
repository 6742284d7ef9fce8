"""Winograd's convolutions F(4x4, 3x3): a quarter of the multiplications of a 3x3 convolution, both ways, in bf16.

A tile of 4x4 results of a 3x3 filter is, along each axis, the product of two short polynomials. Evaluated at six
points these multiply number by number: y = A' [(G w G') * (B' x B)] A, 36 products instead of 144 (Lavin and Gray 2016,
arXiv:1509.09308, section 4). Summed over the channels the 36 are matrix products, which torch computes; what moves
pictures in and out of tiles is one C file (``winograd.c``). The gradient to x is such a convolution with the filters
turned around; that to w is G' [sum over tiles of (A dy A') * (B' x B)] G.

The mathematics is that of a convolution, the rounding is not: numbers are rounded to bf16 behind each transform, which
leaves an error of some 1.2 % of the result's size (0.2 % without), in the gradients as well.
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
from .small_conv import conv3x3, in_bf16, is_plain_3x3

Model = TypeVar("Model", bound=nn.Module)

# 0, a, -a, b, -b and infinity. Of all pairs tried these leave the least error: 1.1 %; 1 and 2 leave 2.5 %.
POINTS = (0.625, 1.5)
TILE = 4  # pixels on a side of what one tile results in
PRODUCTS = 36
TOGETHER = 128  # tiles: what is computed between two passes then stays in the caches
INPUT, OUTPUT, GRADIENT = range(3)  # passes of winograd.c

# Where it saves time (LOG.md): enough tiles and channels to pay for the transforms, and little beyond the border.
LEAST_TILES = 256
LEAST_CHANNELS = 64
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
    """Return whether the compiled part is there and this processor multiplies bf16 itself."""
    library = kernel()
    return library is not None and bool(library.winograd_pays())


def winograd_conv(x: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution of x with 3x3 filters, a border of one pixel of zeros around it, by Winograd's algorithm.

    Args:
        x: [N, in_channels, H, W], bf16 in channels-last memory.
        weight: [out_channels, in_channels, 3, 3]; its gradient has its type. Channels are multiples of 16.

    Raises:
        RuntimeError: from torch, when a gradient of the gradient is asked for.
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


class _Shape(ctypes.Structure):
    """``Shape`` of winograd.c."""

    _fields_ = tuple((name, ctypes.c_int64) for name in ("n", "height", "width", "channels", "step", "threads"))


@cache
def kernel() -> ctypes.CDLL | None:
    """Return the compiled part, or None where the package was installed without a compiler."""
    library = compiled("winograd", _Shape)
    if library is not None:
        pointer, number = ctypes.c_void_p, ctypes.c_float
        library.winograd_pass.argtypes = [pointer, pointer, pointer, ctypes.c_int32, number, number]
        library.winograd_add.argtypes = [pointer, pointer, ctypes.c_int64, ctypes.c_int64]
    return library


def _pass(which: int, images: Tensor, tiles: Tensor) -> None:
    """Move images into tiles, INPUT and GRADIENT, or tiles into images, OUTPUT."""
    library, (n, channels, height, width) = kernel(), images.shape
    assert library is not None
    shape = _Shape(n, height, width, channels, tiles.stride(0), torch.get_num_threads())
    library.winograd_pass(images.data_ptr(), tiles.data_ptr(), ctypes.byref(shape), which, *POINTS)


def _together(x: Tensor) -> int:
    """Return how many images are computed at once."""
    return min(len(x), max(1, TOGETHER // _tiles(x)))


def _room(x: Tensor, channels: int) -> Tensor:
    """Return room for the tiles of images that are computed at once, [36, tiles + 1, channels].

    The tile too many keeps the 36 apart: at powers of two they would push each other out of the caches.
    """
    return torch.empty(PRODUCTS, _together(x) * _tiles(x) + 1, channels, dtype=torch.bfloat16)


def _cut(which: int, images: Tensor, room: Tensor) -> Tensor:
    """Return the tiles of some images, with one of zeros behind them, which adds nothing to any sum."""
    count = len(images) * _tiles(images)
    _pass(which, images, room)
    room[:, count] = 0
    return room[:, : count + 1]


@cache
def filter_transform() -> Tensor:
    """Return G twice, [36, 9]: it takes a filter's nine numbers to the 36 that are multiplied."""
    (a, b), rows = POINTS, [[1 / (POINTS[0] * POINTS[1]) ** 2, 0.0, 0.0]]
    for p, q in ((a, b), (b, a)):
        scale = 1 / (2 * p * p * (p * p - q * q))
        rows += [[scale, sign * scale * p, scale * p * p] for sign in (1, -1)]
    g = torch.tensor([*rows, [0.0, 0.0, 1.0]], dtype=torch.float64)
    return torch.kron(g, g).float()


def _convolve(x: Tensor, weight: Tensor) -> Tensor:
    out_channels, in_channels = weight.shape[:2]
    nine = weight.float().permute(2, 3, 1, 0).reshape(9, -1)
    filters = (filter_transform() @ nine).bfloat16().view(PRODUCTS, in_channels, out_channels)
    size = len(x), out_channels, *x.shape[2:]
    y = torch.empty(size, dtype=torch.bfloat16, memory_format=torch.channels_last)
    room, products = _room(x, in_channels), _room(x, out_channels)
    for part, result in zip(x.split(_together(x)), y.split(_together(x)), strict=True):
        tiles = _cut(INPUT, part, room)
        _pass(OUTPUT, result, torch.bmm(tiles, filters, out=products[:, : tiles.shape[1]]))
    return y


def _filter_gradient(x: Tensor, dy: Tensor) -> Tensor:
    library = kernel()
    assert library is not None
    room, gradients = _room(x, x.shape[1]), _room(x, dy.shape[1])
    size = PRODUCTS, x.shape[1], dy.shape[1]
    total, product = torch.zeros(size), torch.empty(size, dtype=torch.bfloat16)
    for part, gradient in zip(x.split(_together(x)), dy.split(_together(x)), strict=True):
        tiles = _cut(INPUT, part, room)
        torch.bmm(tiles.transpose(1, 2), _cut(GRADIENT, gradient, gradients), out=product)
        library.winograd_add(total.data_ptr(), product.data_ptr(), total.numel(), torch.get_num_threads())
    nine = filter_transform().T @ total.view(PRODUCTS, -1)
    return nine.view(3, 3, x.shape[1], dy.shape[1]).permute(3, 2, 0, 1)


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
