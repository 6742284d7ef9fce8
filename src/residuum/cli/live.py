"""Live progress: a moving line on a terminal, plain lines on a pipe."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import typer
from rich import progress as bars
from rich.console import Console

from ..training import Epoch, Run, Step
from ..training.epochs import steps_made, steps_per_epoch
from ..training.meter import Meter
from ..training.state import Progress

PLAIN_EVERY = 15.0  # seconds between lines on a pipe
DRAWN_EVERY = 0.1  # seconds between figures on a terminal


class LiveMeter(Meter):
    """Running figures of the epoch in progress."""

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self.epochs, self.steps = epochs, steps
        self.restart()

    def restart(self) -> None:
        """Begin another epoch."""
        self.loss_sum, self.correct, self.images, self.waiting = 0.0, 0, 0, []
        self.started = self.latest = time.perf_counter()

    def add(self, step: Step) -> None:
        """Count a step."""
        super().add(step)
        self.latest = time.perf_counter()

    @property
    def speed(self) -> float:
        """Images a second from the epoch's start to its latest step; validation is not counted."""
        return self.images / max(self.latest - self.started, 1e-9)

    def figures(self) -> str:
        """Return loss, accuracy and speed."""
        self.look()
        loss, accuracy = self.loss_sum / self.images, 100 * self.correct / self.images
        return f"loss {loss:.3f}  Acc@1 {accuracy:5.1f}  {self.speed:,.0f} images/s"


def follow(events: Iterable[Step | Epoch], run: Run) -> None:
    """Show the events as they come."""
    steps = steps_per_epoch(run.dataset, run.settings)
    meter = LiveMeter(run.settings.epochs, steps)
    console = Console()
    if console.is_terminal:
        _follow_on_terminal(events, meter, console, first=_steps_done(run, meter))
    else:
        _follow_on_pipe(events, meter)


def _steps_done(run: Run, meter: LiveMeter) -> int:
    if run.state is None:
        return 0
    return steps_made(Progress(**run.state["progress"]), meter.steps)


def _follow_on_terminal(events: Iterable[Step | Epoch], meter: LiveMeter, console: Console, first: int) -> None:
    columns = (
        bars.TextColumn("epoch {task.fields[epoch]}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[figures]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(
            "", total=meter.epochs * meter.steps, completed=first, epoch=f"1/{meter.epochs}", figures=""
        )
        drawn = -math.inf
        for event in events:
            if isinstance(event, Step):
                meter.add(event)
                epoch = f"{event.number // meter.steps + 1}/{meter.epochs}"
                bar.update(task, completed=event.number + 1, epoch=epoch)
                if meter.latest - drawn > DRAWN_EVERY:  # the step is looked at
                    drawn = meter.latest
                    bar.update(task, figures=meter.figures())
            else:
                bar.console.print(_epoch_line(event, meter), highlight=False)
                meter.restart()


def _follow_on_pipe(events: Iterable[Step | Epoch], meter: LiveMeter) -> None:
    spoke = time.perf_counter()
    for event in events:
        if isinstance(event, Epoch):
            typer.echo(_epoch_line(event, meter))
            meter.restart()
            spoke = time.perf_counter()
            continue
        meter.add(event)
        if time.perf_counter() - spoke > PLAIN_EVERY:
            spoke = time.perf_counter()
            typer.echo(f"  step {event.number % meter.steps + 1}/{meter.steps}  lr {event.lr:.4f}  {meter.figures()}")


def _epoch_line(event: Epoch, meter: LiveMeter) -> str:
    row = event.row
    validation = "not validated"
    if event.scores is not None:
        validation = f"val loss {row['val_loss']:.3f} Acc@1 {row['val_acc1']:5.1f} Acc@5 {row['val_acc5']:5.1f}"
    speed = f"  {meter.speed:,.0f} images/s" if meter.images else ""  # none where only validation was left to resume
    return (
        f"epoch {row['epoch']:>3}/{meter.epochs}  train loss {row['train_loss']:.3f} Acc@1 {row['train_acc1']:5.1f}"
        f"  {validation}{speed}"
    )
