"""What ``residuum train`` does once its flags are read."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError
from ..training import Interrupted, Run, facts, new_run, resumed_run, train
from ..training.divergence import find_divergence
from ..training.memory import telling_memory
from ..training.processes import World, joined, may_restart, restarted, started
from ..training.recipe import read_recipe, recipe_text, verdict, with_recipe
from ..training.result import Result, read_result
from ..training.run import CONFIG
from ..training.settings import read_settings
from ..training.state import Diverged
from ..training.together import open_together
from .live import follow


def start(output: Path | None, given: dict[str, Any], parts: dict[str, Any], num_classes: int | None) -> None:
    """Train a new run."""
    given = with_recipe(given)
    if "data" not in given:
        raise InputError("say what to train on: --data digits, cifar10, fashion_mnist, or a folder of pictures")
    if parts:
        given["model_arguments"] = parts
    if num_classes is not None:
        given["num_classes"] = num_classes
    folder = output or _next_folder(given["data"])
    if given.get("processes", 1) != 1 and not started():
        _launch(given["processes"], [] if output else ["--output", str(folder)], folder)
    with joined() as world:
        if output is None and may_restart():
            raise InputError(
                "torchrun may start this run again (--max-restarts) and must find its folder: add --output"
            )
        _train(open_together(world, lambda: _new_or_restarted(folder, given, world)))


def _new_or_restarted(folder: Path, given: dict[str, Any], world: World) -> Run:
    """Return a new run, or the same one where torchrun starts its processes again after a failure."""
    if restarted() and (folder / CONFIG).exists():
        return resumed_run(folder, {}, world)
    with telling_memory():
        return new_run(folder, given, world)


def _launch(processes: int, more: list[str], folder: Path) -> None:
    """Let so many processes do what this one was told to do, and leave with their exit code."""
    from ..training.launch import launch

    raise typer.Exit(launch(processes, [*sys.argv[1:], *more], f"residuum train --resume {folder}"))


def show_recipe(name: str | None) -> None:
    """Print a recipe as it is written."""
    if name is None:
        raise InputError("say which recipe to show: --recipe NAME --show")
    typer.echo(recipe_text(name), nl=False)


def go_on(
    directory: Path, output: Path | None, given: dict[str, Any], parts: dict[str, Any], num_classes: int | None
) -> None:
    """Resume a run; flags given again must be what the run has."""
    if output is not None and output != directory:
        raise InputError(f"--resume {directory} goes on in that folder; leave out --output {output}")
    if not started() and (processes := read_settings(directory / CONFIG).processes) > 1:
        _launch(processes, [], directory)
    with joined() as world:
        _train(open_together(world, lambda: _resumed(directory, given, parts, num_classes, world)))


def _resumed(
    directory: Path, given: dict[str, Any], parts: dict[str, Any], num_classes: int | None, world: World
) -> Run:
    run = resumed_run(directory, given, world)
    asked = {**parts, **({"num_classes": num_classes} if num_classes is not None else {})}
    fixed = run.settings.model_arguments
    if differences := [
        f"{key}: saved {fixed.get(key)}, asked {value}" for key, value in asked.items() if fixed.get(key) != value
    ]:
        raise InputError(
            f"a resumed run keeps its settings, but these differ: {'; '.join(differences)}. Leave them out"
        )
    return run


def _train(run: Run) -> None:
    """Train; of several processes one speaks."""
    if run.world.writes:
        _train_aloud(run)
        return
    try:
        with telling_memory(run):
            for _ in train(run):
                pass
    except Interrupted:
        raise typer.Exit(130) from None
    except Diverged as error:  # every process sees the same loss, and the first one says it
        raise typer.Exit(error.exit_code) from None


def _train_aloud(run: Run) -> None:
    for key, fact in facts(run).items():
        typer.echo(f"{key:>11}  {fact}")
    for note in run.dataset.notes[:12]:
        typer.echo(f"{'note':>11}  {note}")
    typer.echo(f"{'output':>11}  {run.directory}\n")
    try:
        with telling_memory(run):
            follow(train(run), run)
    except Interrupted as stopped:
        typer.echo(f"\n{stopped}; saved. Go on with: residuum train --resume {run.directory}", err=True)
        raise typer.Exit(130) from None
    except Diverged as stopped:
        typer.echo(f"\nerror: {stopped}", err=True)
        _tell_where(run)
        raise typer.Exit(stopped.exit_code) from None
    result = read_result(run.directory)
    typer.echo(f"\n{_said(result)}")
    if run.settings.recipe is not None and read_recipe(run.settings.recipe).published:
        typer.echo(verdict(run.settings, run.dataset, result.error))
    typer.echo(f"look at {run.directory / 'report.html'}; try: residuum predict {run.directory} PICTURE")


def _said(result: Result) -> str:
    return (
        f"result: {result.acc1:.2f} % of {result.pictures:,} pictures right ({result.measured_on}), "
        f"with the weights of epoch {result.epoch}, {result.chosen}"
    )


def _tell_where(run: Run) -> None:
    """Say in which layer a run diverged."""
    if run.world.size > 1:
        typer.echo("in which layer is looked for only where one process trains", err=True)
        return
    typer.echo("looking for the layer: the steps since the last checkpoint are made again", err=True)
    found = find_divergence(run.directory)
    typer.echo(str(found) if found else "made again, all of them were finite", err=True)


def _next_folder(data: str) -> Path:
    name = Path(data).resolve().name or "pictures"
    return next(folder for number in count(1) if not (folder := Path("runs") / f"{name}-{number}").exists())
