"""Training a run: the steps, and the files written between them."""

from __future__ import annotations

from collections.abc import Iterator

from ..files import locked, sweep, write_text
from ..interrupt import Interrupted, catching_interrupt
from ..machine.environment import record
from ..parallel.distribution import any_of
from ..parallel.processes import noticing_loss
from ..settings.file import write_settings
from ..weights import save
from .checkpoint import FOLDER, discard_after, save_checkpoint
from .ending import conclude
from .epochs import Epoch, fit, steps_made, steps_per_epoch
from .loop import Step
from .records import Clock, csv_text
from .run import BEST, CONFIG, ENVIRONMENT, LAST, LOCK, STEPS, SUMMARY, TIMING, Run
from .state import State, begin, checkpoint_of
from .step_log import StepLog


def train(run: Run, *, report: bool = True) -> Iterator[Step | Epoch]:
    """Train to the end, writing the run's files after each epoch and (unless told not to) its report at the end.

    Yields each step and each epoch once what they came to is written. On the first interrupt (Ctrl-C, SIGTERM, SIGHUP)
    the step is finished, the state saved, and Interrupted raised; a second one stops at once. Of several processes the
    first writes.

    >>> run = new_run("runs/steps", {"data": "digits[:64,:32]", "model": "cifar_resnet", "epochs": 1, "batch_size": 32,
    ...                              "model_arguments": {"depth": 8}, "precision": "fp32"})
    >>> [type(event).__name__ for event in train(run, report=False)]
    ['Step', 'Step', 'Epoch']
    """
    if not run.world.writes:
        yield from _beside(run)
        return
    directory, settings = run.directory, run.settings
    busy = f"{directory} is in use by another process; wait for it or choose another folder"
    with locked(directory / LOCK, busy), catching_interrupt() as interrupted, noticing_loss(run.world):
        state = begin(run.model, settings, run.state)
        steps = steps_made(state.progress, steps_per_epoch(run.dataset, settings))
        run.history = state.progress.history
        _tidy(run, steps)
        clock = Clock(directory / TIMING, state.progress.epoch)
        with StepLog(directory / STEPS, first=steps) as log:
            for event in fit(state, run.dataset, settings, run.world):
                if isinstance(event, Step):
                    steps = event.number + 1
                    log.add(event)
                    clock.count(event.images)
                    due = settings.checkpoint_every > 0 and steps % settings.checkpoint_every == 0
                else:
                    clock.close(event.row["epoch"])
                    _write_epoch(run, event, state)
                    due = True
                if due:
                    _save(run, state, steps, log)
                yield event
                if (number := any_of(interrupted.number, run.world)) and state.progress.epoch < settings.epochs:
                    _save(run, state, steps, log)
                    at = f"stopped at epoch {state.progress.epoch + 1}, step {state.progress.step}"
                    raise Interrupted(at, number)
        conclude(run, report=report)


def _beside(run: Run) -> Iterator[Step | Epoch]:
    """Train along with the first process, writing nothing."""
    with catching_interrupt() as interrupted, noticing_loss(run.world):
        state = begin(run.model, run.settings, run.state)
        for event in fit(state, run.dataset, run.settings, run.world):
            yield event
            if (number := any_of(interrupted.number, run.world)) and state.progress.epoch < run.settings.epochs:
                raise Interrupted("stopped with the first process", number)


def _tidy(run: Run, steps: int) -> None:
    """Clear away what a killed process left, and note where the run goes on."""
    discard_after(run.directory, steps)
    sweep(run.directory)
    sweep(run.directory / FOLDER)
    if run.moved:  # resumed on another machine (settings/resuming.py)
        write_settings(run.settings, run.directory / CONFIG)
    record(run.directory / ENVIRONMENT, run.dataset, steps)


def _save(run: Run, state: State, steps: int, log: StepLog) -> None:
    log.sync()  # the rows before the state: a state that is there can count on its rows
    save_checkpoint(run.directory, steps, checkpoint_of(state), run.settings.keep)


def _write_epoch(run: Run, event: Epoch, state: State) -> None:
    progress = state.progress
    measured = ("val_acc1", "val_acc5", "val_loss") if event.scores is not None else ()
    metrics = {key: event.row[key] for key in ("epoch", *measured)}
    save(state.result, run.directory / LAST, metrics=metrics)
    if run.settings.choose == "last" or event.row["val_acc1"] > progress.best:
        progress.best = event.row["val_acc1"]
        save(state.result, run.directory / BEST, metrics=metrics)
    write_text(run.directory / SUMMARY, csv_text(progress.history))
