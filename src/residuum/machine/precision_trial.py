"""Which precision is fastest here, by trying: feature flags do not tell."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from residuum_runtime.machine import features, processor, usable_cores
from residuum_runtime.remembered import recall, remember

from ..errors import InputError
from ..kernels import fuse
from ..kernels.small_conv import pays
from ..kernels.tail import vectors
from ..seeds import drawing
from .precision import PRECISIONS, autocast
from .world import ALONE, World

CACHE = "precisions"
TRIALS = 4  # steps of each precision
STEADY = 1.2  # a trial is remembered where the second best step took no longer than this, times the best
TRIAL_IMAGES = 32  # images of a trial step: large enough to be compute-bound, small enough to be quick


class Trial(NamedTuple):
    """What was chosen, and what was measured."""

    precision: str
    rates: dict[str, float]  # training, images/s, of each precision tried
    steady: bool = True  # whether the machine was quiet enough to rely on it

    @property
    def images_per_second(self) -> float:
        """The rate of the chosen one."""
        return self.rates[self.precision]

    @property
    def reason(self) -> str:
        """The choice in words."""
        if len(self.rates) == 1:
            return "the only one tried"
        found = ", ".join(f"{name} made {rate:,.0f} images/s" for name, rate in self.rates.items())
        busy = "" if self.steady else "; other work had the machine, so the next run tries again"
        return f"in a trial on this machine {found}{busy}"


def choose_device(wanted: str, world: World = ALONE) -> str:
    """Return ``cpu``, ``cuda`` or ``mps``; ``auto`` takes what is there. Each process has a GPU of its own."""
    available = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if wanted == "auto":
        wanted = next(name for name, there in available.items() if there())
    if wanted not in available:
        raise InputError(f"device must be auto, cpu, cuda or mps, got {wanted!r}")
    if not available[wanted]():
        raise InputError(f"device {wanted} was asked for, but torch sees none here; use --device auto")
    if wanted == "mps" and world.size > 1:
        raise InputError("several processes cannot share Apple's GPU; use --device cpu, or one process")
    if wanted == "cuda" and world.local_size > (count := torch.cuda.device_count()):
        raise InputError(
            f"each process needs a GPU of its own, but this host has {count} and {world.local_size} processes; "
            f"start {count}, or use --device cpu"
        )
    return wanted


def choose_precision(
    model: nn.Module, image_shape: tuple[int, int, int], device: str, wanted: str = "auto", kernels: str = "plain"
) -> Trial:
    """Return the precision to train in; ``auto`` times a few training steps of a copy of the model in each.

    Takes about a second on small networks, once: what was measured is remembered for this processor, version of torch,
    number of threads and network, unless the machine was too busy to tell. The model, its statistics and the random
    state are left as they were.
    """
    if wanted not in ("auto", *PRECISIONS):
        raise InputError(f"precision must be auto, {' or '.join(PRECISIONS)}, got {wanted!r}")
    candidates = _candidates(device) if wanted == "auto" else (wanted,)
    network = hashlib.sha256(f"{model} {image_shape}".encode()).hexdigest()
    compiled = kernels, vectors(), pays()
    machine = [processor(), *features(), torch.__version__, torch.get_num_threads(), *compiled, _gpu(device)]
    key = json.dumps([candidates, machine, network])
    rates, steady = recall(CACHE).get(key), True
    if rates is None:
        rates, steady = _training_rates(model, image_shape, device, candidates, kernels)
        if steady:
            remember(CACHE, key, rates)
    return Trial(max(rates, key=lambda name: rates[name]), rates, steady)


def _candidates(device: str) -> tuple[str, ...]:
    if device == "mps" or (device == "cuda" and not torch.cuda.is_bf16_supported()):
        return ("fp32",)
    return PRECISIONS


def _gpu(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def _training_rates(
    model: nn.Module, image_shape: tuple[int, int, int], device: str, candidates: Sequence[str], kernels: str
) -> tuple[dict[str, float], bool]:
    """Return images/s of each precision, tried in turns, and whether the machine was quiet enough to rely on it."""
    steps = {name: _step(model, image_shape, device, name, kernels) for name in candidates}
    for step in steps.values():
        step()  # the first call compiles and allocates
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(TRIALS):
        for name, step in steps.items():
            times[name].append(_seconds(step, device))
    best = {name: sorted(seconds)[:2] for name, seconds in times.items()}
    return (
        {name: TRIAL_IMAGES / first for name, (first, _) in best.items()},
        all(second <= STEADY * first for first, second in best.values()) and not busy(),
    )


def busy() -> bool:
    """Return whether others kept more than half of the processors busy in the last minute, where the system tells."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > usable_cores() / 2


def _step(
    model: nn.Module, image_shape: tuple[int, int, int], device: str, precision: str, kernels: str
) -> Callable[[], None]:
    twin = copy.deepcopy(model).to(device, memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    if kernels == "fused":
        fuse(twin)

    with drawing(0, "dropout"):
        images = torch.rand(TRIAL_IMAGES, *image_shape, device=device).to(memory_format=torch.channels_last)
    labels = torch.zeros(TRIAL_IMAGES, dtype=torch.long, device=device)

    def step() -> None:
        with drawing(0, "dropout"):
            with autocast(precision, device):
                logits = twin(images)
            F.cross_entropy(logits.float(), labels).backward()

    return step


def _seconds(work: Callable[[], None], device: str) -> float:
    started = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
