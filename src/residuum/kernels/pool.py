"""Max pooling of 2x2 pixels in bf16: torch's numbers, in less than half the time.

torch keeps eight bytes for each result, and fills the gradient with zeros before it writes into it; the compiled
part (``pool.c``) keeps one byte and writes each pixel's gradient once.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from .compiled import compiled, once_only
from .tail import hooked, transformed


def max_pool(pool: nn.MaxPool2d, x: Tensor) -> Tensor:
    """Return pool(x) by the compiled part where it applies, else by torch.

    It applies to windows of 2x2 that lie side by side, over bf16 maps [N, C, H, W] in channels-last memory on the CPU,
    while gradients are recorded. Hooks, ``torch.func``, ``torch.export`` and ``torch.compile`` see torch's own
    operation.

    Raises:
        RuntimeError: a gradient of the gradient is asked for.
    """
    y: Any = _MaxPool.apply(x) if _served(pool, x) else nn.MaxPool2d.forward(pool, x)
    return y


def halves(pool: nn.Module) -> bool:
    """Return whether the module takes the largest of 2x2 pixels that lie side by side."""
    two, one, none = (2, (2, 2)), (1, (1, 1)), (0, (0, 0))
    return (
        type(pool) is nn.MaxPool2d
        and pool.kernel_size in two
        and pool.stride in two
        and pool.padding in none
        and pool.dilation in one
        and not (pool.ceil_mode or pool.return_indices)
    )


def _served(pool: nn.MaxPool2d, x: Tensor) -> bool:
    if not torch.is_grad_enabled() or torch.compiler.is_compiling() or type(x) is not Tensor or kernel() is None:
        return False
    return (
        halves(pool)
        and not (hooked(pool) or transformed())
        and (x.device.type, x.dtype, x.ndim) == ("cpu", torch.bfloat16, 4)
        and min(x.shape[2:]) > 1
        and x.is_contiguous(memory_format=torch.channels_last)
    )


class _Shape(ctypes.Structure):
    """``Shape`` of pool.c."""

    _fields_ = tuple((name, ctypes.c_int64) for name in ("n", "height", "width", "channels", "threads"))


@cache
def kernel() -> ctypes.CDLL | None:
    """Return the compiled part, or None where the package was installed without a compiler."""
    library = compiled("pool")
    if library is not None:
        library.pool_pass.argtypes = [*[ctypes.c_void_p] * 4, ctypes.c_int32]
    return library


def _pass(x: Tensor, y: Tensor, which: Tensor, forward: bool) -> None:
    library, (n, channels, height, width) = kernel(), x.shape
    assert library is not None
    shape = _Shape(n, height, width, channels, torch.get_num_threads())
    library.pool_pass(x.data_ptr(), y.data_ptr(), which.data_ptr(), ctypes.byref(shape), forward)


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, x: Tensor
    ) -> Tensor:
        n, channels, height, width = x.shape
        y = torch.empty(n, channels, height // 2, width // 2, dtype=x.dtype, memory_format=torch.channels_last)
        which = torch.empty_like(y, dtype=torch.uint8)
        _pass(x, y, which, forward=True)
        ctx.save_for_backward(which)
        ctx.shape = x.shape
        return y

    @staticmethod
    @once_only
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, dy: Tensor
    ) -> Tensor:
        (which,) = ctx.saved_tensors
        dx = torch.empty(ctx.shape, dtype=dy.dtype, memory_format=torch.channels_last)
        _pass(dx, dy.contiguous(memory_format=torch.channels_last), which, forward=False)
        return dx
