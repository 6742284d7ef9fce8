"""Batch norm over the images of all processes."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.modules.batchnorm import _BatchNorm


class SyncBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance are those of the joint batch (Ioffe and Szegedy 2015, algorithm 1).

    The same as ordinary batch norm in one process on all images, in the forward and the backward pass, and in the
    running statistics; processes may hold different numbers of images, also none. torch's own, which is used on GPUs,
    refuses processors. Takes [N, C, ...] and needs a process group while training.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"batch norm takes [N, C, ...], got {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised images, [N, C, ...]."""
        if not self.training:
            return super().forward(input)
        x = input if input.dtype == torch.float64 else input.float()
        rest, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
        mine = x.new_tensor([x.numel() / x.shape[1]])
        total = add_up(torch.cat([x.sum(rest), mine]))
        count = total[-1].detach()
        mean = total[:-1] / count
        centred = x - mean.view(shape)
        variance = add_up(centred.square().sum(rest)) / count  # about the joint mean: no digits cancel
        self._remember(mean.detach(), variance.detach(), count)
        normalised = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Move the running statistics towards the batch's; their variance is the unbiased one, as torch has it."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        if count < 2:  # a single value, where all other images were dropped, has no variance
            return
        self.num_batches_tracked.add_(1)
        rate = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var.dtype), rate)


class _AddUp(Function):
    """The sum over processes; each holds it, so each sends the gradient of its own use back to all."""

    @staticmethod
    def forward(ctx: object, mine: Tensor) -> Tensor:
        total = mine.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def add_up(mine: Tensor) -> Tensor:
    """Return the sum of the tensor over all processes, with its derivative."""
    return _AddUp.apply(mine)  # type: ignore[no-any-return]


def synchronise(model: nn.Module, device: str) -> None:
    """Let every batch norm of the model count the images of all processes; parameters, buffers and keys stay."""
    for parent in list(model.modules()):
        for name, norm in parent.named_children():
            if isinstance(norm, _BatchNorm):
                setattr(parent, name, _twin(norm, nn.SyncBatchNorm if device == "cuda" else SyncBatchNorm))


def _twin(norm: _BatchNorm, kind: type[_BatchNorm]) -> _BatchNorm:
    twin = kind(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    for name, value in (*norm.named_parameters(), *norm.named_buffers()):
        setattr(twin, name, value)
    return twin.train(norm.training)
