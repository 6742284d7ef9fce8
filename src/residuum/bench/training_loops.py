"""Training loops that take turns, each in a process of its own: what ``residuum bench training`` measures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from typing import Any

import torch
from torch import nn

from ..data import ArrayImages, Augmentation, Dataset, open_data
from ..data.folder import IMAGENET_MEAN, IMAGENET_STD
from ..errors import InputError
from ..kernels import fuse, use_winograd
from ..machine.allocator import keep_freed_memory
from ..machine.ceiling import Rates, Work, measure_rates, work_of
from ..machine.kernel_choice import choose_kernels, convolutions_told, kernels_told
from ..machine.precision_trial import choose_precision
from ..models import build
from ..seeds import generator
from .training_peers import ordinary, residuums, torchs_best

PATIENCE = 10.0  # seconds that a process has to end by itself
WARM_UP = 3  # steps of each before anything is measured
ORDINARY, TORCH, RESIDUUM = "ordinary", "torch's best", "residuum"
WINOGRAD = "--winograd"  # residuum's, with that setting
NAMES = (ORDINARY, TORCH, RESIDUUM)


@dataclass(frozen=True)
class Task:
    """What is trained."""

    model: str
    data: str | None  # a set that fits in memory; None: made-up images of that size
    size: int
    batch_size: int
    threads: int
    winograd: bool = False  # a loop with Winograd's convolutions takes its turns, too


@dataclass
class LoopTiming:
    """One loop and what it came to."""

    name: str
    precision: str
    how: str  # its kernels, in words
    seconds: list[float] = field(default_factory=list)  # of a step, each round

    def images_per_second(self, batch_size: int) -> float:
        """Return the median over the rounds."""
        return batch_size / statistics.median(self.seconds)


def open_pictures(task: Task) -> Dataset:
    """Return images in memory: the data set's, or made-up ones, eight batches of them."""
    if task.data is None:
        shape = 8 * task.batch_size, 3, task.size, task.size
        draw = generator(0, "order")
        pixels = torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)
        images = ArrayImages(pixels, torch.randint(0, 10, (len(pixels),), generator=draw))
        classes = [str(number) for number in range(10)]
        return Dataset("made up", classes, images, images, IMAGENET_MEAN, IMAGENET_STD, (task.size, task.size),
                       Augmentation(0, True), "none")  # fmt: skip
    dataset = open_data(task.data)
    if not isinstance(dataset.train, ArrayImages):
        raise InputError(f"the benchmark takes images that fit in memory, not the folder {task.data}; leave --data out")
    if len(dataset.train) < task.batch_size:
        raise InputError(f"{task.data} has {len(dataset.train)} images to train on, fewer than --batch-size")
    return dataset


def measure(task: Task, rounds: int, steps: int, tell: Callable[[str], None] = lambda said: None) -> list[LoopTiming]:
    """Return a row for each loop: its seconds a step, round by round.

    Every loop runs in a process of its own, as it would alone, and all take turns, each round beginning with another
    one, so that what else the machine does hits all alike.

    Args:
        task: what is trained.
        rounds: how often each loop has its turn.
        steps: of a turn.
        tell: told of each round as it ends.
    """
    context = get_context("spawn")
    rows, pipes, processes = [], [], []
    try:
        for name in (*NAMES, WINOGRAD) if task.winograd else NAMES:
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, name, task))
            process.start()
            there.close()
            pipes.append(here)
            processes.append(process)
            rows.append(
                LoopTiming(name, *_answer(here, name))
            )  # before the next one begins, whose precision is tried too
        for number in range(rounds):
            for turn in range(len(rows)):
                place = (turn + number) % len(rows)
                pipes[place].send(steps)
                rows[place].seconds.append(_answer(pipes[place], rows[place].name))
            tell(f"round {number + 1} of {rounds}")
    finally:
        for pipe in pipes:
            pipe.close()  # which ends its process
        for process in processes:
            process.join(PATIENCE)
            process.kill()
    return rows


def _answer(pipe: Any, name: str) -> Any:
    try:
        answer = pipe.recv()
    except EOFError as error:
        raise InputError(f"the process of {name!r} ended; is there memory for this step in each of them?") from error
    if isinstance(answer, Exception):
        raise answer
    return answer


def _serve(pipe: Any, name: str, task: Task) -> None:
    """Say what will run, then answer each number of steps with the seconds of one."""
    try:
        torch.set_num_threads(task.threads)
        precision, how, steps = _loop(name, task)
        for _ in islice(steps, WARM_UP):
            pass
    except InputError as error:
        pipe.send(error)
        return
    pipe.send((precision, how))
    while (count := _next(pipe)) is not None:
        started = time.perf_counter()
        for _ in islice(steps, count):
            pass
        pipe.send((time.perf_counter() - started) / count)


def _next(pipe: Any) -> int | None:
    try:
        return pipe.recv()
    except (EOFError, KeyboardInterrupt):
        return None


def _loop(name: str, task: Task) -> tuple[str, str, Iterator[None]]:
    dataset = open_pictures(task)
    model = _network(task, dataset)
    if name == ORDINARY:
        return "fp32", "DataLoader, PIL", ordinary(model, dataset, task.batch_size, workers=task.threads)
    ours = name in (RESIDUUM, WINOGRAD)
    if ours:
        keep_freed_memory()
    kernels = choose_kernels("cpu") if ours else "plain"
    shape = (dataset.channels, *dataset.image_size)
    precision = choose_precision(model, shape, "cpu", kernels=kernels).precision
    if name == TORCH:
        return precision, "channels last", torchs_best(model, dataset, task.batch_size, precision)
    if kernels == "fused":
        fuse(model)
    told = kernels_told(kernels, "cpu")
    if name == WINOGRAD:
        use_winograd(model)
        told = f"{told}; 3x3 convolutions: {convolutions_told(kernels, precision)}"
    return precision, told, residuums(model, dataset, task.batch_size, precision)


def _network(task: Task, dataset: Dataset) -> nn.Module:
    return build(task.model, num_classes=len(dataset.classes), in_chans=dataset.channels)


def ceiling(task: Task) -> tuple[Work, Rates]:
    """Return what a step must do for an image, and what this machine can do, measured now."""
    dataset = open_pictures(task)
    torch.set_num_threads(task.threads)
    shape = (dataset.channels, *dataset.image_size)
    return work_of(_network(task, dataset), shape), measure_rates()
