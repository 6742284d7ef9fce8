"""A run on the console: what it will do, how it goes, what it came to."""

from __future__ import annotations

import typer

from ..runs.divergence import find_divergence
from ..settings.recipe import verdict
from ..training import Interrupted, Run, facts, train
from ..training.memory import telling_memory
from ..training.result import Result, read_result
from ..training.state import Diverged
from ..training.tensorboard import to_tensorboard
from .live import follow
from .saying import say, show_facts
from .tables import shortened

FACTS = 11  # columns of their names


def train_and_tell(run: Run, *, report: bool = True, brief: bool = False, tensorboard: bool = False) -> None:
    """Train to the end; say what will be done (unless ``brief``), the result, and on Ctrl-C how to go on."""
    told = {} if brief else facts(run)
    notes = [*run.notes, *([] if brief else shortened(run.dataset.notes))]
    show_facts([*told.items(), *(("note", note) for note in notes), ("output", str(run.directory))], FACTS)
    typer.echo()
    try:
        with telling_memory(run):
            events = train(run, report=report)
            follow(to_tensorboard(events, run.directory) if tensorboard else events, run)
    except Interrupted as stopped:
        typer.echo(f"\n{stopped}; saved. Resume with: residuum train --resume {run.directory}", err=True)
        raise typer.Exit(stopped.exit_code) from None
    except Diverged as stopped:
        typer.echo(f"\nerror: {stopped}", err=True)
        _tell_where(run)
        raise typer.Exit(stopped.exit_code) from None
    result = read_result(run.directory)
    say(f"\n{_said(result)}")
    if claim := verdict(run.settings, run.dataset, result.error):
        say(claim)
    if report:
        say(f"look at {run.directory / 'report.html'}; try: residuum predict {run.directory} IMAGE")


def _said(result: Result) -> str:
    return (
        f"result: {result.acc1:.2f} % of {result.pictures:,} images right ({result.measured_on}), "
        f"with the weights of epoch {result.epoch}, {result.chosen}"
    )


def _tell_where(run: Run) -> None:
    """Say in which layer a run diverged; the steps of several processes are not made again."""
    if run.world.size > 1:
        return
    typer.echo("looking for the layer: the steps since the last checkpoint are made again", err=True)
    found = find_divergence(run.directory)
    typer.echo(str(found) if found else "made again, all of them were finite", err=True)
