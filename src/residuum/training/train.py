"""Training a run: the steps, and the files written between them."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files import locked, write_text
from ..weights import save
from .checkpoint import save_checkpoint
from .distribution import any_of
from .fit import Epoch, fit
from .interrupt import Interrupted, catching_interrupt
from .loop import Step
from .processes import noticing_loss
from .report import conclude
from .run import BEST, CHECKPOINT, LAST, LOCK, SUMMARY, TIMING, Run
from .state import State, begin, checkpoint_of, restore


def train(run: Run, *, report: bool = True) -> Iterator[Step | Epoch]:
    """Train to the end, writing the run's files after each epoch and (unless told not to) its report at the end.

    Yields each step and each epoch. On the first interrupt (Ctrl-C) the step is finished, the state saved, and
    Interrupted raised; a second one stops at once. Of several processes the first writes.
    """
    if not run.world.writes:
        yield from _beside(run)
        return
    busy = f"{run.directory} is in use by another process; wait for it or choose another folder"
    with locked(run.directory / LOCK, busy), catching_interrupt() as interrupted, noticing_loss(run.world):
        state = begin(run.model, run.settings)
        if run.state is not None:
            restore(run.state, state)
        progress = state.progress
        run.history = progress.history
        timing = _read_rows(run.directory / TIMING)[: progress.epoch]
        started, images = time.perf_counter(), 0
        for event in fit(state, run.dataset, run.settings, run.world):
            if isinstance(event, Step):
                images += event.images
            else:
                seconds = time.perf_counter() - started
                timing.append({"epoch": event.row["epoch"], "seconds": seconds, "images_per_second": images / seconds})
                _write_epoch(run, event, state, timing)
                save_checkpoint(run.directory / CHECKPOINT, checkpoint_of(state))
                started, images = time.perf_counter(), 0
            yield event
            if any_of(interrupted.is_set(), run.world) and progress.epoch < run.settings.epochs:
                save_checkpoint(run.directory / CHECKPOINT, checkpoint_of(state))
                raise Interrupted(f"stopped at epoch {progress.epoch + 1}, step {progress.step}")
        conclude(run, report=report)


def _beside(run: Run) -> Iterator[Step | Epoch]:
    """Train along with the first process, writing nothing."""
    with catching_interrupt() as interrupted, noticing_loss(run.world):
        state = begin(run.model, run.settings)
        if run.state is not None:
            restore(run.state, state)
        for event in fit(state, run.dataset, run.settings, run.world):
            yield event
            if any_of(interrupted.is_set(), run.world) and state.progress.epoch < run.settings.epochs:
                raise Interrupted("stopped with the first process")


def _write_epoch(run: Run, event: Epoch, state: State, timing: list[dict[str, Any]]) -> None:
    progress = state.progress
    metrics = {key: event.row[key] for key in ("epoch", "val_acc1", "val_acc5", "val_loss")}
    save(state.result, run.directory / LAST, metrics=metrics)
    if run.settings.choose == "last" or event.row["val_acc1"] > progress.best:
        progress.best = event.row["val_acc1"]
        save(state.result, run.directory / BEST, metrics=metrics)
    write_text(run.directory / SUMMARY, _csv(progress.history))
    write_text(run.directory / TIMING, _csv(timing))


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows
    )
    return text.getvalue()


def _read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
