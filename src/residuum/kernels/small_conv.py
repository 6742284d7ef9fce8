"""3x3 convolutions of few channels, faster in training.

The gradient to the filters sums over the pixels of a batch, at which oneDNN is a third slower than forward where
channels are few; the compiled part (``small_conv.c``) is not. With 16 channels it computes the result and the gradient
to x, too. bf16 numbers are multiplied exactly and added in float32, as torch does it, in another order.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .compiled import compiled, once_only
from .tail import hooked, transformed

MOST_CHANNELS = 64  # beyond it oneDNN is as fast (LOG.md)


def conv3x3(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Return conv(x) by the compiled part where it applies, else by torch.

    It applies to convolutions that ``is_small``, over bf16 maps [N, C, H, W] in channels-last memory on processors with
    AVX-512 BF16 and without AMX, while gradients are recorded. Hooks, ``torch.func``, ``torch.export`` and
    ``torch.compile`` see torch's own operation.

    Raises:
        RuntimeError: a gradient of the gradient is asked for.
        MemoryError: there is no memory for a band of pixels.
    """
    y: Any = _Convolution.apply(x, conv.weight) if _served(conv, x) else nn.Conv2d.forward(conv, x)
    return y


def is_small(module: nn.Module) -> bool:
    """Return whether the module is a 3x3 convolution at each pixel, of at most 64 channels in multiples of 16."""
    return is_plain_3x3(module) and all(
        channels % 16 == 0 and channels <= MOST_CHANNELS for channels in (module.in_channels, module.out_channels)
    )


def is_plain_3x3(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether the module is a 3x3 convolution at each pixel, without bias."""
    return (
        type(module) is nn.Conv2d
        and (module.kernel_size, module.stride, module.padding, module.dilation) == ((3, 3), (1, 1), (1, 1), (1, 1))
        and (module.groups, module.padding_mode, module.bias) == (1, "zeros", None)
    )


def in_bf16(conv: nn.Conv2d, x: Tensor) -> bool:
    """Return whether conv(x) is computed in bf16, in channels-last memory, and not watched."""
    if torch.compiler.is_compiling() or type(x) is not Tensor:
        return False
    weight = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else conv.weight.dtype
    return (
        not (hooked(conv) or transformed())
        and x.device.type == conv.weight.device.type == "cpu"
        and x.ndim == 4
        and x.shape[1] == conv.in_channels
        and (x.dtype, weight) == (torch.bfloat16, torch.bfloat16)
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def narrow_conv(x: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution of x by the compiled part.

    Args:
        x: [N, 16, H, W], bf16 in channels-last memory, W a multiple of 16.
        weight: [16, 16, 3, 3], bf16.
    """
    n, channels, height, width = x.shape
    pairs = weight.reshape(channels, channels // 2, 2, 9).permute(3, 1, 0, 2).contiguous()  # of input channels
    y = torch.empty_like(x)
    shape = Shape(n, height, width, channels, channels, torch.get_num_threads())
    library = kernel()
    assert library is not None
    if library.small_conv_forward(x.data_ptr(), pairs.data_ptr(), y.data_ptr(), ctypes.byref(shape)):
        raise MemoryError(f"there is no memory for four rows of {width} pixels of {channels} channels")
    return y


def filter_gradient(x: Tensor, dy: Tensor) -> Tensor:
    """Return the gradient to the filters of a convolution by the compiled part: float32 [out, in, 3, 3].

    Args:
        x: [N, in_channels, H, W], bf16 in channels-last memory; channels in multiples of 16.
        dy: [N, out_channels, H, W], likewise.
    """
    (n, in_channels, height, width), out_channels, threads = x.shape, dy.shape[1], torch.get_num_threads()
    totals = torch.zeros(threads, 9, out_channels, in_channels, dtype=torch.float32)
    shape = Shape(n, height, width, in_channels, out_channels, threads)
    library = kernel()
    assert library is not None
    if library.small_conv_filters(x.data_ptr(), dy.data_ptr(), totals.data_ptr(), ctypes.byref(shape)):
        raise MemoryError(f"there is no memory for a band of {width} pixels of {in_channels} channels")
    return totals.sum(0).view(3, 3, out_channels, in_channels).permute(2, 3, 0, 1)


class Shape(ctypes.Structure):
    """``Shape`` of small_conv.c and winograd.c."""

    _fields_ = tuple(
        (name, ctypes.c_int64) for name in ("n", "height", "width", "in_channels", "out_channels", "threads")
    )


@cache
def kernel() -> ctypes.CDLL | None:
    """Return the compiled part, or None where the package was installed without a compiler."""
    library = compiled("small_conv")
    return library if library is None else declare(library)


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Set the types of the functions of a library built from small_conv.c, and return it."""
    library.small_conv_forward.argtypes = library.small_conv_filters.argtypes = [ctypes.c_void_p] * 4
    return library


def runs() -> bool:
    """Return whether the compiled part is there and this processor has what it needs."""
    library = kernel()
    return library is not None and bool(library.small_conv_runs())


def pays() -> bool:
    """Return whether it runs, and this processor has nothing better."""
    library = kernel()
    return library is not None and bool(library.small_conv_pays())


def _served(conv: nn.Conv2d, x: Tensor) -> bool:
    return torch.is_grad_enabled() and is_small(conv) and in_bf16(conv, x) and pays()


def _is_narrow(x: Tensor, filters: Tensor) -> bool:
    return filters.shape[:2] == (16, 16) and x.shape[3] % 16 == 0


def _input_gradient(x: Tensor, dy: Tensor, filters: Tensor) -> Tensor:
    if _is_narrow(dy, filters):
        return narrow_conv(dy, filters.flip(2, 3).transpose(0, 1))
    ones, only_dx = [1, 1], [True, False, False]
    return torch.ops.aten.convolution_backward(dy, x, filters, None, ones, ones, ones, False, [0, 0], 1, only_dx)[0]


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, x: Tensor, weight: Tensor
    ) -> Tensor:
        filters = weight.bfloat16()
        ctx.save_for_backward(x, filters)
        ctx.dtype = weight.dtype
        return narrow_conv(x, filters) if _is_narrow(x, filters) else F.conv2d(x, filters, padding=1)

    @staticmethod
    @once_only
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, dy: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        x, filters = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = dweight = None
        if ctx.needs_input_grad[0]:
            dx = _input_gradient(x, dy, filters)
        if ctx.needs_input_grad[1]:
            dweight = filter_gradient(x, dy).to(ctx.dtype)
        return dx, dweight
