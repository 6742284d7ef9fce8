"""Winograd's convolutions F(4x4, 3x3): a quarter of the multiplications of a 3x3 convolution, both ways, in bf16.

A tile of 4x4 results of a 3x3 filter is, along each axis, the product of two short polynomials. Evaluated at six
points these multiply number by number: y = A' [(G w G') * (B' x B)] A, 36 products instead of 144 (Lavin and Gray 2016,
arXiv:1509.09308, section 4). Summed over the channels the 36 are matrix products. The gradient to x is such a
convolution with the filters turned around; that to w is G' [sum over tiles of (A dy A') * (B' x B)] G. All of it is one
C file (``winograd.c``), which can also pool each result while it is in cache.

The mathematics is that of a convolution, the rounding is not: numbers are rounded to bf16 behind each transform, which
leaves an error of some 1 % of the result's size (0.2 % without), in the gradients as well.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeGuard, TypeVar

import torch
from torch import Tensor, nn

from ..errors import InputError
from .compiled import compiled, give_forward, given_forward, once_only
from .pool import halves
from .small_conv import Shape, conv3x3, in_bf16, is_plain_3x3
from .tail import hooked

Model = TypeVar("Model", bound=nn.Module)
Size = Sequence[int]

TILE = 4  # pixels on a side of a tile's results
PRODUCTS = 36  # of two matrices
PANEL = 32  # channels, of which there are full panels only in winograd.c

# Where it saves time (LOG.md): enough tiles and channels to pay for the transforms, and little beyond the border.
LEAST_TILES = 64
LEAST_CHANNELS = 24
LARGEST_SHARE = 0.5  # of the direct convolution's products


def use_winograd(model: Model, *, evaluation: bool = False) -> Model:
    """Let the 3x3 convolutions train by Winograd's algorithm wherever that is faster, in place; return the model.

    No module is replaced, a convolution only gets another ``forward``. It applies to bf16 maps [N, C, H, W] in
    channels-last memory on processors with AVX-512 BF16 and without AMX; all else is as in a fused network.
    ``without_winograd`` reverts it.

    Args:
        model: any network.
        evaluation: serve where no gradient is recorded, too; else that is torch's own.

    >>> model = use_winograd(residuum.create_model("cifar_resnet", depth=8))
    >>> model(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """
    for module in model.modules():
        if is_plain_3x3(module) and min(module.in_channels, module.out_channels) >= LEAST_CHANNELS:
            give_forward(module, _always if evaluation else _in_training)
    return model


def without_winograd(model: Model) -> Model:
    """Take away what ``use_winograd`` did; in place, and returned. ``fuse`` gives small convolutions theirs back.

    >>> model = without_winograd(use_winograd(residuum.create_model("cifar_resnet", depth=8)))
    >>> model(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """
    for module in model.modules():
        if by_winograd(module):
            del module.forward
    return model


def winograd_runs() -> bool:
    """Return whether the compiled part is there and this processor has what it needs."""
    library = kernel()
    return library is not None and bool(library.winograd_runs())


def winograd_pays() -> bool:
    """Return whether it runs, and this processor has nothing better."""
    library = kernel()
    return library is not None and bool(library.winograd_pays())


def winograd_conv(x: Tensor, weight: Tensor, *, pooled: bool = False) -> Tensor:
    """Return the convolution of x with 3x3 filters, a border of one pixel of zeros around it, by Winograd's algorithm.

    Args:
        x: [N, in_channels, H, W], bf16 in channels-last memory.
        weight: [out_channels, in_channels, 3, 3]; its gradient has its type.
        pooled: return the largest of each 2x2 pixels, [N, out_channels, H // 2, W // 2].

    Raises:
        RuntimeError: a gradient of the gradient is asked for.
        InputError: there are no 2x2 pixels to pool.
        MemoryError: there is no memory for the tiles that are computed at once.
    """
    if pooled and min(x.shape[2:]) < 2:
        raise InputError(f"2x2 pixels can be pooled where there are two each way, got maps of {tuple(x.shape[2:])}")
    return _Winograd.apply(x, weight, pooled)


def serves_with_pool(conv: nn.Module, pool: nn.Module, x: Tensor) -> TypeGuard[nn.Conv2d]:
    """Return whether ``winograd_conv`` can compute pool(conv(x)): it serves the convolution and no hook watches."""
    return by_winograd(conv) and halves(pool) and not hooked(pool) and _served(conv, x) and min(x.shape[2:]) > 1


def by_winograd(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether ``use_winograd`` gave the module another forward pass."""
    return given_forward(module) in (_in_training, _always)


def _always(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return winograd_conv(x, conv.weight) if _served(conv, x) else conv3x3(conv, x)


def _in_training(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return _always(conv, x)


def _served(conv: nn.Conv2d, x: Tensor) -> bool:
    return (
        (torch.is_grad_enabled() or given_forward(conv) is _always)
        and is_plain_3x3(conv)
        and in_bf16(conv, x)
        and winograd_pays()
        and len(x) * _tiles(x) >= LEAST_TILES
        and _tiles(x) * PRODUCTS <= LARGEST_SHARE * 9 * x.shape[2] * x.shape[3]
    )


def _tiles(x: Tensor) -> int:
    """Return the number of tiles of an image."""
    return -(-x.shape[2] // TILE) * -(-x.shape[3] // TILE)


@cache
def kernel() -> ctypes.CDLL | None:
    """Return the compiled part, or None where the package was installed without a compiler."""
    library = compiled("winograd")
    return library if library is None else declare(library)


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Set the types of the functions of a library built from winograd.c, and return it."""
    library.winograd_pack.argtypes = [ctypes.c_void_p] * 3
    library.winograd_convolve.argtypes = library.winograd_filters.argtypes = [ctypes.c_void_p] * 6
    library.winograd_pack.restype = None
    library.winograd_parts.restype = ctypes.c_int64
    return library


def _call(function: str, shape: Shape, *tensors: Tensor | None) -> None:
    """Run a function of winograd.c over tensors, some of which may be None."""
    pointers = [None if tensor is None else tensor.data_ptr() for tensor in tensors]
    if getattr(kernel(), function)(*pointers, ctypes.byref(shape)):
        raise MemoryError(f"there is no memory for the tiles of {shape.in_channels} channels that are computed at once")


def _padded(channels: int) -> int:
    return -(-channels // PANEL) * PANEL


# Maps may be pooled; then ``which`` holds each maximum's index among its four pixels, and sizes are before pooling.


def _convolve(
    x: Tensor, which: Tensor | None, weight: Tensor, size: Size, pooled: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the convolution of x with filters [out_channels, in_channels, 3, 3], and which pixels were pooled."""
    (out_channels, in_channels), (height, width) = weight.shape[:2], size
    shape = Shape(len(x), height, width, in_channels, out_channels, torch.get_num_threads())
    packed = torch.empty(_padded(out_channels) * PRODUCTS * _padded(in_channels), dtype=torch.bfloat16)
    _call("winograd_pack", shape, weight.float().permute(2, 3, 1, 0).contiguous(), packed)
    of_y = (height // 2, width // 2) if pooled else size
    y = torch.empty(len(x), out_channels, *of_y, dtype=torch.bfloat16, memory_format=torch.channels_last)
    of_largest = torch.empty_like(y, dtype=torch.uint8) if pooled else None
    _call("winograd_convolve", shape, x, which, packed, y, of_largest)
    return y, of_largest


def _filter_gradient(x: Tensor, dy: Tensor, which: Tensor | None) -> Tensor:
    """Return the gradient to the filters: float32 [out_channels, in_channels, 3, 3]."""
    (n, in_channels, height, width), out_channels = x.shape, dy.shape[1]
    shape = Shape(n, height, width, in_channels, out_channels, torch.get_num_threads())
    library = kernel()
    assert library is not None
    parts = library.winograd_parts(ctypes.byref(shape))
    totals = torch.empty(parts * PRODUCTS * _padded(out_channels) * _padded(in_channels), dtype=torch.float32)
    nine = torch.zeros(3, 3, out_channels, in_channels, dtype=torch.float32)
    if n:
        _call("winograd_filters", shape, x, dy, which, totals, nine)
    return nine.permute(2, 3, 0, 1)


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, x: Tensor, weight: Tensor, pooled: bool
    ) -> Tensor:
        y, which = _convolve(x, None, weight, x.shape[2:], pooled)
        ctx.save_for_backward(x, weight, which)
        return y

    @staticmethod
    @once_only
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, dy: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight, which = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = dweight = None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(2, 3).transpose(0, 1)
            dx, _ = _convolve(dy, which, turned, x.shape[2:], pooled=False)
        if ctx.needs_input_grad[1]:
            dweight = _filter_gradient(x, dy, which).to(weight.dtype)
        return dx, dweight, None
