"""The tail of a block, activation(norm(x) [+ shortcut]): the plain reference, and one kernel that does the same.

Batch norm, addition and activation each read and write the whole feature map; together they move more than half of
the bytes of a training step. The kernel (``tail.c``) reads it twice and writes it once, each way.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from .compiled import compiled, once_only

PRECISIONS = (torch.float32, torch.bfloat16)


def reference_tail(norm: nn.Module, x: Tensor, shortcut: Tensor | None, activation: nn.Module) -> Tensor:
    """Return activation(norm(x) + shortcut), without the sum where there is no shortcut: the definition."""
    y = norm(x)
    return activation(y if shortcut is None else shortcut + y)


def tail(norm: nn.Module, x: Tensor, shortcut: Tensor | None, activation: nn.Module) -> Tensor:
    """Return ``reference_tail`` in one operation where possible, else by the reference.

    The kernel serves float32 and bf16 feature maps [N, C, H, W] in channels-last memory on the CPU, batch norm in
    training or frozen, ReLU or no activation, while gradients are recorded: evaluation keeps torch's own numbers to the
    bit, and is faster with norms folded away. Hooks on the norm or the activation, ``torch.func``, forward-mode
    derivatives, ``torch.export`` and ``torch.compile`` see the reference. Sums are float32 and double, and a bf16
    result is rounded once, so that it is nearer to the exact one than the reference's.

    Raises:
        RuntimeError: from torch, when a gradient of the kernel's gradient is asked for; use the reference for that.
    """
    return forked_tail(norm, x, shortcut, activation)[0]


def forked_tail(norm: nn.Module, x: Tensor, shortcut: Tensor | None, activation: nn.Module) -> tuple[Tensor, Tensor]:
    """Return ``tail`` twice, for its two uses: the next block's branch and its shortcut.

    Both are the same memory, but each has its own gradient, and the kernel adds these up as it reads them. Used
    for one way only, either is ``tail``; both must not be written to in place.
    """
    if not _served(norm, x, shortcut, activation):
        y = reference_tail(norm, x, shortcut, activation)
        return y, y
    assert isinstance(norm, nn.BatchNorm2d)
    fixed = not norm.training and norm.running_mean is not None
    momentum = 0.0
    if norm.training and norm.running_mean is not None:
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
        momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    statistics = norm.running_mean, norm.running_var
    relu = isinstance(activation, nn.ReLU)
    return _Tail.apply(x, shortcut, norm.weight, norm.bias, statistics, (not fixed, momentum, norm.eps), relu)


@cache
def kernel() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None where the package was installed without a compiler."""
    library = compiled("tail")
    if library is not None:
        library.tail_vectors.restype = ctypes.c_char_p
    return library


def vectors() -> str | None:
    """Return the instruction set of the kernel on this processor (``AVX-512``, ``AVX2``, ...), or None without it."""
    library = kernel()
    return library.tail_vectors().decode() if library is not None else None


def _served(norm: nn.Module, x: Tensor, shortcut: Tensor | None, activation: nn.Module) -> bool:
    if not torch.is_grad_enabled() or torch.compiler.is_compiling() or type(x) is not Tensor or kernel() is None:
        return False
    tensors = [x] if shortcut is None else [x, shortcut]
    return (
        type(norm) is nn.BatchNorm2d
        and type(activation) in (nn.ReLU, nn.Identity)
        and not (hooked(norm) or hooked(activation) or transformed())
        and all(_fits(tensor, x) for tensor in tensors)
        and x.shape[0] * x.shape[2] * x.shape[3] > 1
        and (norm.weight is None or norm.weight.dtype == torch.float32)
        and (norm.running_mean is None or norm.running_mean.dtype == torch.float32)
    )


def _fits(tensor: Tensor, x: Tensor) -> bool:
    return (
        tensor.device.type == "cpu"
        and tensor.dtype in PRECISIONS
        and tensor.dtype == x.dtype
        and tensor.ndim == 4
        and tensor.shape == x.shape
        and tensor.is_contiguous(memory_format=torch.channels_last)
    )


def hooked(module: nn.Module) -> bool:
    """Return whether the module, or every module, has a hook that the kernel would skip."""
    everywhere = nn.modules.module
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or everywhere._global_forward_hooks
        or everywhere._global_forward_pre_hooks
        or everywhere._global_backward_hooks
        or everywhere._global_backward_pre_hooks
    )


def transformed() -> bool:
    """Return whether ``torch.func`` or a forward-mode derivative traces the computation."""
    functorch: Any = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    return torch.autograd.forward_ad._current_level >= 0 or functorch.maybe_current_level() is not None


class _Arguments(ctypes.Structure):
    """``Tail`` of tail.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "shortcut", "y", "dy", "dy2", "out", "dx", "kept")),
        *((name, ctypes.c_void_p) for name in ("weight", "bias", "running_mean", "running_var", "mean", "istd")),
        *((name, ctypes.c_void_p) for name in ("dweight", "dbias", "sums")),
        *((name, ctypes.c_int64) for name in ("rows", "channels")),
        *((name, ctypes.c_int32) for name in ("bf16", "relu", "training", "threads")),
        *((name, ctypes.c_double) for name in ("momentum", "eps")),
    )


def _call(function: str, x: Tensor, tensors: dict[str, Tensor | None], **numbers: Any) -> None:
    """Run the kernel over x and tensors that all lie in memory as x does."""
    threads, channels = torch.get_num_threads(), x.shape[1]
    sums = torch.empty(threads, 2, channels, dtype=torch.float64)
    pointers = {name: tensor.data_ptr() for name, tensor in tensors.items() if tensor is not None}
    arguments = _Arguments(
        x=x.data_ptr(),
        sums=sums.data_ptr(),
        rows=x.numel() // channels,
        channels=channels,
        bf16=x.dtype == torch.bfloat16,
        threads=threads,
        **pointers,
        **numbers,
    )
    getattr(kernel(), function)(ctypes.byref(arguments))


class _Tail(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        x: Tensor,
        shortcut: Tensor | None,
        weight: Tensor | None,
        bias: Tensor | None,
        statistics: tuple[Tensor | None, Tensor | None],
        how: tuple[bool, float, float],
        relu: bool,
    ) -> tuple[Tensor, Tensor]:
        channels, (training, momentum, eps) = x.shape[1], how
        mean, istd = torch.empty(2, channels, dtype=torch.float32)
        scale = weight if weight is not None else torch.ones(channels, dtype=torch.float32)
        shift = bias if bias is not None else torch.zeros(channels, dtype=torch.float32)
        y = torch.empty_like(x)
        tensors = {"shortcut": shortcut, "out": y, "weight": scale, "bias": shift, "mean": mean, "istd": istd}
        _call(
            "tail_forward",
            x,
            {**tensors, "running_mean": statistics[0], "running_var": statistics[1]},
            relu=relu,
            training=training,
            momentum=momentum,
            eps=eps,
        )
        ctx.save_for_backward(x, y if shortcut is not None and relu else None, scale, shift, mean, istd)
        ctx.added, ctx.relu, ctx.training = shortcut is not None, relu, training
        ctx.set_materialize_grads(False)
        return y, y.new_empty(0).set_(y)  # pyright: ignore[reportArgumentType]

    @staticmethod
    @once_only
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, y, scale, shift, mean, istd = ctx.saved_tensors
        dy, *others = [g.contiguous(memory_format=torch.channels_last) for g in gradients if g is not None]
        dy2 = others[0] if others else None
        dx, dweight, dbias = torch.empty_like(x), torch.empty_like(mean), torch.empty_like(mean)
        kept = torch.empty_like(x) if dy2 is not None or (ctx.added and ctx.relu) else None
        given = {"weight": scale, "bias": shift, "mean": mean, "istd": istd, "y": y, "dy": dy, "dy2": dy2}
        wanted = {"dx": dx, "dweight": dweight, "dbias": dbias, "kept": kept}
        added = x if ctx.added else None  # matters only as a sign of a shortcut
        _call("tail_backward", x, {**given, **wanted, "shortcut": added}, relu=ctx.relu, training=ctx.training)
        dshortcut = None if not ctx.added else dy if kept is None else kept
        needs = ctx.needs_input_grad
        return dx, dshortcut, dweight if needs[2] else None, dbias if needs[3] else None, None, None, None
