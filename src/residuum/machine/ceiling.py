"""The ceiling of a training step: the time that its arithmetic and its traffic take at what this machine can do.

A step computes (convolutions and matrix products, three times the forward pass) and moves memory (what norms, sums and
activations read and write of whole feature maps, even when fused). Neither can hide the other where the same cores do
both, so the floor of a step's time is their sum; the roofline of Williams et al. 2009 takes the larger one.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ..models.counts import count
from ..nn.block import Block
from ..nn.merges import Add
from ..seeds import drawing

KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
NORM_PASSES = 8  # of a fused norm: forward x twice and y; backward x and dy twice and dx
SUM_PASSES = 3  # more where a shortcut is added: it is read; the result is read, and the masked gradient kept
COPY_BYTES = 2**27  # larger than any cache


class Work(NamedTuple):
    """What a training step must do for an image."""

    flops: float
    values: float  # read or written, of feature maps

    def bytes(self, precision: str) -> float:
        """Return what is moved in that precision."""
        return self.values * KINDS[precision].itemsize


class Rates(NamedTuple):
    """What this machine can do."""

    flops_per_second: dict[str, float]  # of a 3x3 convolution with 64 channels, forward and backward, by precision
    bytes_per_second: float  # of a large copy, read and written

    def images_per_second(self, work: Work, precision: str) -> float:
        """Return the ceiling: no step can be faster in that precision."""
        arithmetic = work.flops / self.flops_per_second[precision]
        return 1 / (arithmetic + work.bytes(precision) / self.bytes_per_second)


def work_of(model: nn.Module, image_shape: tuple[int, int, int]) -> Work:
    """Count on the meta device what a step must do; the model is not touched.

    Args:
        model: batch norms and blocks that add are looked for in it.
        image_shape: [channels, height, width].
    """
    on_meta = copy.deepcopy(model).to("meta").train()
    values = 0

    def passes(times: int) -> Callable[..., None]:
        def add(module: nn.Module, inputs: Any, y: torch.Tensor) -> None:
            nonlocal values
            values += times * y[0].numel()

        return add

    for module in on_meta.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(passes(NORM_PASSES))
        elif isinstance(module, Block) and isinstance(module.merge, Add):
            module.register_forward_hook(passes(SUM_PASSES))
    with torch.no_grad():
        on_meta(torch.empty(2, *image_shape, device="meta"))
    return Work(6.0 * count(model, image_shape).macs, values)


def measure_rates() -> Rates:
    """Measure both rates with this process's threads, in less than a second."""
    return Rates({name: 2 * convolution_macs_per_second(kind) for name, kind in KINDS.items()}, _bytes_per_second())


def convolution_macs_per_second(kind: torch.dtype, device: str = "cpu") -> float:
    """Return multiply-accumulates a second of a 3x3 convolution with 64 channels, forward and backward."""
    with drawing(0, "dropout"):
        images = torch.rand(16, 64, 32, 32).to(device, kind, memory_format=torch.channels_last).requires_grad_()
        filters = torch.rand(64, 64, 3, 3).to(device, kind, memory_format=torch.channels_last).requires_grad_()
    gradient = torch.ones_like(images)
    macs = 3 * 16 * 32 * 32 * 64 * 64 * 9
    return macs / _least_seconds(lambda: F.conv2d(images, filters, padding=1).backward(gradient))


def _bytes_per_second() -> float:
    source = torch.ones(COPY_BYTES // 4)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _least_seconds(lambda: target.copy_(source))


def _least_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(6):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times[1:])
