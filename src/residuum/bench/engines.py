"""Compare all ways to run a network in one run: each in its own process, all taking turns."""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from residuum_runtime.sessions import installed

from ..data import Dataset
from ..deploy.exporting import Exported, export
from ..deploy.prepare import prepare
from ..deploy.probes import labelled, photograph_set
from ..deploy.targets import TARGETS
from ..deploy.workers import Worker
from ..errors import InputError, ResiduumError
from ..models import describe
from ..seeds import generator
from ..weights import save
from .peers import PEERS, available

Say = Callable[[str], None]

RUNS = 3  # timed runs in each turn
LEAST_ROUNDS = 3  # fewest rounds per batch size, regardless of time
UNTIMED = ("fp16",)  # smaller files for other readers: CPU engines compute them in float32
BASELINES = ("torchvision eager", "torch eager")


@dataclass(eq=False)
class EngineTiming:
    """One way to run the network."""

    name: str
    precision: str
    command: list[str]
    size_mb: float = 0.0
    same_weights: bool = True  # the same as the model; the accuracy of a peer with new weights is not measured
    accuracy: float | None = None  # percent of the labelled images
    pictures: int = 0  # number of labelled images
    cold_start: float = 0.0  # seconds from the process's start to its first prediction
    memory_mb: float = 0.0  # peak of the process over all batches
    seconds: dict[int, list[float]] = field(default_factory=dict)  # seconds of each run, by batch size
    problem: str = ""  # why it could not run

    def __str__(self) -> str:
        return self.name if self.name.endswith(self.precision) else f"{self.name} {self.precision}"

    def latency(self, batch: int, share: float) -> float:
        """Return a percentile of the milliseconds of a batch; share 0.5 is the median."""
        ordered = sorted(self.seconds[batch])
        return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def images_per_second(self, batch: int) -> float:
        """Return images per second at the median."""
        return batch / statistics.median(self.seconds[batch])

    def figures(self, against: EngineTiming | None = None) -> dict[str, Any]:
        """Return the machine-readable row; with its speed relative to another row, where one is given."""
        shown = ("name", "precision", "size_mb", "accuracy", "pictures", "cold_start", "memory_mb", "problem")
        row: dict[str, Any] = {"label": str(self)} | {key: getattr(self, key) for key in shown}
        row["batches"] = {
            batch: {
                "p50_ms": self.latency(batch, 0.5),
                "p95_ms": self.latency(batch, 0.95),
                "p99_ms": self.latency(batch, 0.99),
                "images_per_second": self.images_per_second(batch),
                "runs": len(self.seconds[batch]),
            }
            for batch in self.seconds
        }
        if against is not None:
            for batch, measured in row["batches"].items():
                measured["times"] = measured["images_per_second"] / against.images_per_second(batch)
        return row


def make_rows(
    model: nn.Module, folder: Path, engines: Sequence[str], threads: int, data: Dataset | None, say: Say
) -> list[EngineTiming]:
    """Export the model for each engine and precision, and add the peers that are installed.

    Args:
        model: from ``load`` or ``create_model``, with preprocessing.
        folder: the exports' folder.
        engines: names of targets or peers, or "all".
        threads: threads per process.
        data: calibrates int8; without it two photographs calibrate int8, to measure speed only.
        say: receives progress messages.
    """
    known = [*TARGETS, *PEERS]
    if unknown := [name for name in engines if name not in ("all", *known)]:
        raise InputError(f"engines must be all, or of {', '.join(known)}, got {', '.join(unknown)}")
    wanted = known if "all" in engines else engines
    weights = folder / "model.safetensors"
    save(model, weights)
    rows = []
    for name in wanted:
        if name in TARGETS:
            timed = [precision for precision in TARGETS[name].precisions if precision not in UNTIMED]
            rows += [_export_timed(model, folder, name, precision, threads, data, say) for precision in timed]
        elif available(name, describe(model).model):
            command = [sys.executable, "-m", "residuum.bench.peers", name, str(weights), str(threads)]
            peer = PEERS[name]
            size = weights.stat().st_size / 1e6
            rows.append(EngineTiming(name, peer.precision, command, size_mb=size, same_weights=peer.same_weights))
    return rows


def label_pictures(model: nn.Module, data: Dataset, count: int, path: Path) -> Path:
    """Write up to ``count`` held-out images of the network's classes to measure accuracy on; return the path."""
    prepared = prepare(model)
    pixels, labels = labelled(data.val, prepared, data.classes, count)
    np.savez(path, pixels=pixels, labels=labels, mean=prepared.card.mean, std=prepared.card.std)
    return path


def _export_timed(
    model: nn.Module, folder: Path, target: str, precision: str, threads: int, data: Dataset | None, say: Say
) -> EngineTiming:
    say(f"exporting {target} {precision}")
    engine, out = TARGETS[target].engine, folder / f"{target}-{precision}"
    row = EngineTiming(f"residuum {engine}", precision, [])
    if not installed(engine):
        return dataclasses.replace(row, problem=f"{engine} is not installed")
    try:
        done = _export(model, out, target, precision, data)
    except ResiduumError as error:
        return dataclasses.replace(row, problem=str(error))
    row.command = [sys.executable, "-m", "residuum_runtime.worker", str(done.file), engine, str(threads)]
    row.size_mb = sum(path.stat().st_size for path in out.iterdir() if path.name != "parity.json") / 1e6
    return row


def _export(model: nn.Module, out: Path, target: str, precision: str, data: Dataset | None) -> Exported:
    preprocessing = describe(model).preprocessing
    if precision == "int8" and data is None and preprocessing is not None:  # accuracy on these is meaningless
        data = photograph_set(model, preprocessing.size)
        return export(model, out, to=target, precision=precision, data=data, drop=100)
    return export(model, out, to=target, precision=precision, data=data)


def measure(
    rows: Sequence[EngineTiming], batches: Sequence[int], seconds: float, say: Say, pictures: Path | None = None
) -> None:
    """Fill in the rows' measurements: the rows take turns at each batch size until ``seconds`` have passed.

    The machine's noise affects all rows equally; compare their ratios. The same processes then
    classify the labelled ``pictures``.
    """
    with _workers([row for row in rows if not row.problem], say) as workers:
        for row, worker in workers.items():
            for batch in batches:
                _ask(row, worker, batch, 1)  # the first run compiles for this batch
                row.seconds.pop(batch, None)
        say(f"measuring for {seconds:g} s")
        _take_turns(list(workers.items()), batches, seconds)
        for row, worker in workers.items():
            if pictures is not None and row.same_weights and not row.problem:
                say(f"measuring the accuracy of {row}")
                _ask_accuracy(row, worker, max(batches), pictures)


def _take_turns(workers: list[tuple[EngineTiming, Worker]], batches: Sequence[int], seconds: float) -> None:
    """Run all rows at each batch size in rounds, in a new order each time; the batch sizes share the time."""
    spent, rounds = dict.fromkeys(batches, 0.0), dict.fromkeys(batches, 0)
    draw = generator(0, "turns")
    while sum(spent.values()) < seconds or min(rounds.values()) < LEAST_ROUNDS:
        batch = min(batches, key=lambda batch: (rounds[batch] >= LEAST_ROUNDS, spent[batch]))
        begun = time.perf_counter()
        for i in torch.randperm(len(workers), generator=draw).tolist():
            row, worker = workers[i]
            if not row.problem:
                _ask(row, worker, batch, RUNS)
        rounds[batch] += 1
        spent[batch] += time.perf_counter() - begun


def baseline(rows: Sequence[EngineTiming]) -> EngineTiming | None:
    """Return the baseline row: torchvision's network, else the model itself, in eager float32."""
    able = {row.name: row for row in rows if row.seconds and not row.problem}
    return next((able[name] for name in BASELINES if name in able), None)


@contextmanager
def _workers(rows: Sequence[EngineTiming], say: Say) -> Iterator[dict[EngineTiming, Worker]]:
    """Start the processes one after another, each after the previous one has predicted."""
    started: dict[EngineTiming, Worker] = {}
    try:
        for row in rows:
            say(f"starting {row}")
            begun = time.perf_counter()
            started[row] = Worker(row.command)
            row.problem = started[row].read().get("error", "")
            row.cold_start = time.perf_counter() - begun
        yield {row: worker for row, worker in started.items() if not row.problem}
    finally:
        for worker in started.values():
            worker.stop()


def _ask(row: EngineTiming, worker: Worker, batch: int, runs: int) -> None:
    content = worker.ask(batch=batch, runs=runs)
    row.problem = content.get("error", "")
    row.seconds.setdefault(batch, []).extend(content.get("seconds", []))
    row.memory_mb = content.get("memory_mb", row.memory_mb)


def _ask_accuracy(row: EngineTiming, worker: Worker, batch: int, pictures: Path) -> None:
    content = worker.ask(batch=batch, pictures=str(pictures))
    row.problem = content.get("error", "")
    if not row.problem:
        with np.load(pictures) as held:
            row.pictures = len(held["labels"])
        row.accuracy = 100 * content["right"] / row.pictures
