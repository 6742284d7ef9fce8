"""A study's members: ordinary runs, trained in parallel, each resumed where it stopped."""

from __future__ import annotations

import copy
import math
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import write_bytes
from ..settings.file import differing, read_settings
from ..training import Epoch, Run, new_run, resumed_run, train
from ..training.records import read_numbers, read_rows
from ..training.run import CONFIG, LAST, SUMMARY, TIMING
from ..training.state import Diverged
from ..weights import load
from ..workers import holding_signals, pool_of, processes_of
from .form import EPOCHS_KEPT, WATCHED, History, Members, Options, Study, read_json, write_json

AFTER = "after"  # a member's key that is not a setting: the member to wait for
AGAIN = 1.0  # seconds between two requests to stop
EVERY = 5.0  # seconds between checks of the members' progress
WARMED_FROM = 110  # layers
WARM_UP = {"warmup_epochs": 1.025, "warmup_lr": 0.01}  # He15 section 4.2: about 400 iterations at a tenth of the rate
MODELS = {"plain": "cifar_plain", "residual": "cifar_resnet"}


def twins(options: Options, *, seeds: Iterable[int] | None = None) -> Members:
    """Return plain and residual networks of each depth: ``plain-20-seed0``, ``residual-56-seed2``, ..."""
    return {
        f"{kind}-{depth}-seed{seed}": {
            "model": model,
            "model_arguments": {"depth": depth},
            "seed": seed,
            **options.training,
            **warmed(depth),
        }
        for kind, model in MODELS.items()
        for depth in options.depths
        for seed in (range(options.seeds_at(depth)) if seeds is None else seeds)
    }


def warmed(depth: int) -> dict[str, Any]:
    """Return extra settings for a network of that depth: He15 warms up from 110 layers on."""
    return dict(WARM_UP) if depth >= WARMED_FROM else {}


def train_members(
    members: Members, output: Path, *, study: str = "", workers: int = 0
) -> Iterator[tuple[str, History] | int]:
    """Train every member in ``output/NAME``; yield each history at its end, and the number of finished epochs between.

    Args:
        members: settings by name; each member gets one thread and, by default, all training images.
        output: the study's folder. Existing members are resumed; their settings must be equal.
        study: provides ``watch`` and ``start``.
        workers: number of members that train at a time; 0: one per core; 1: in this process.
    """
    given = {name: {"val_split": 0.0, **settings, "threads": 1} for name, settings in members.items()}
    workers = min(workers or os.cpu_count() or 1, len(given))
    if workers == 1:
        for name in sorted(given, key=lambda name: len(_ancestors(name, given))):
            yield name, train_member(study, output, name, given[name])
        return
    # A worker that outlived a killed study would hold its run's lock. While it trains, Ctrl-C makes it save and stop.
    with pool_of(workers) as pool:
        running: dict[Future[History], str] = {}
        finished: set[str] = set()
        waiting = sorted(given, key=_work, reverse=True)  # the longest first
        try:
            while running or waiting:
                ready = [name for name in waiting if given[name].get(AFTER) in {None, *finished}]
                for name in ready[: workers - len(running)]:  # Ctrl-C reaches no queued member
                    waiting.remove(name)
                    with holding_signals():
                        job = pool.submit(train_member, study, output, name, given[name])
                    running[job] = name
                done, _ = wait(running, EVERY, FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    finished.add(name)
                    yield name, future.result()
                if not done:
                    yield epochs_done(output, given)
        except BaseException:
            _stop(pool, running)
            raise


def _stop(pool: ProcessPoolExecutor, running: Iterable[Future[History]]) -> None:
    """Let running members save and stop; a second signal stops them at once.

    A terminal's Ctrl-C reaches them directly, a single signal does not. A member before training ignores Ctrl-C,
    so it is sent again until none runs; a member that saves reacts once.
    """
    while True:
        for process in processes_of(pool):
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGINT)
        if not wait(running, AGAIN).not_done:
            return


def train_member(study: str, output: Path, name: str, given: dict[str, Any]) -> History:
    """Train one member to its end and return its history."""
    from . import STUDIES

    module = STUDIES.get(study)
    settings = {key: value for key, value in given.items() if key != AFTER}
    run = _run(module, output, name, settings)
    keeps = getattr(module, "KEEPS_EPOCHS", False)
    if keeps and (done := len(read_rows(output / name / SUMMARY))):
        _keep_epoch(output / name, done)  # it was interrupted between checkpoint and copy
    watched = _Watched(output / name, getattr(module, "watch", None), run)
    try:
        for event in train(run, report=False):
            if isinstance(event, Epoch):
                watched.look(int(event.row["epoch"]))
                if keeps:
                    _keep_epoch(output / name, int(event.row["epoch"]))
    except Diverged:
        return _guessing(run)
    return run.history


def _keep_epoch(directory: Path, epoch: int) -> None:
    """Copy an epoch's weights beside the other epochs' weights, unless the copy exists."""
    kept = directory / EPOCHS_KEPT / f"{epoch:04}.safetensors"
    if not kept.exists():
        write_bytes(kept, (directory / LAST).read_bytes())


def _guessing(run: Run) -> History:
    """Return the history of a diverged run: from there on it counts as guessing."""
    classes = len(run.dataset.classes)
    row = {"lr": 0.0, "train_loss": math.log(classes), "val_loss": math.log(classes), "diverged": 1.0,
           "train_acc1": 100 / classes, "val_acc1": 100 / classes, "val_acc5": min(100.0, 500 / classes)}  # fmt: skip
    whole = run.history[: run.settings.epochs]
    return [*whole, *({"epoch": epoch + 1, **row} for epoch in range(len(whole), run.settings.epochs))]


def _run(module: Study | None, output: Path, name: str, given: dict[str, Any]) -> Run:
    directory, start = output / name, getattr(module, "start", None)
    if not (directory / CONFIG).exists():
        return new_run(directory, start(output, name, given) if start is not None else given)
    network = {"model_arguments": given.get("model_arguments", {})}
    if wrong := differing(read_settings(directory / CONFIG), network):
        raise InputError(f"{directory} holds another network ({'; '.join(wrong)}); choose another --output")
    return resumed_run(directory, given)


class _Watched:
    """A study's ``watch`` results for a member, kept beside the run and complete after an interruption."""

    def __init__(self, directory: Path, watch: Any, run: Run) -> None:
        self.path, self.watch, self.dataset = directory / WATCHED, watch, run.dataset
        self.rows: dict[int, dict[str, Any]] = {}
        if watch is None:
            return
        if self.path.exists():
            self.rows = {row["epoch"]: row for row in read_json(self.path)}
        if run.state is None:
            self._keep(0, copy.deepcopy(run.model).eval())
        elif (done := len(read_rows(directory / SUMMARY))) not in self.rows:  # interrupted before watch
            self.look(done)

    def look(self, epoch: int) -> None:
        """Watch the epoch's weights."""
        if self.watch is not None:
            self._keep(epoch, load(self.path.parent / LAST))

    def _keep(self, epoch: int, model: Any) -> None:
        self.rows[epoch] = {"epoch": epoch, **self.watch(model, self.dataset, epoch)}
        write_json(self.path, [self.rows[number] for number in sorted(self.rows)])


def epochs_done(output: Path, names: Iterable[str]) -> int:
    """Return the number of the members' finished epochs."""
    return sum(len(read_rows(output / name / SUMMARY)) for name in names)


def training_seconds(output: Path, names: Iterable[str]) -> float:
    """Return the total seconds of the members' epochs, over all calls."""
    return sum(row["seconds"] for name in names for row in read_numbers(output / name / TIMING))


def _ancestors(name: str, given: Members) -> list[str]:
    before = given[name].get(AFTER)
    return [] if before is None else [before, *_ancestors(before, given)]


def _work(name: str) -> int:
    """Return the depth in a name, since deep networks take longest and start first: ``plain-56-seed0``."""
    return next((int(part) for part in name.split("-") if part.isdigit()), 0)
