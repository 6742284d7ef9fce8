"""What ``residuum train`` does once its flags are read."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError
from ..training import Interrupted, Run, facts, new_run, resumed_run, train
from ..training.recipe import read_recipe, recipe_text, verdict, with_recipe
from ..training.result import Result, read_result
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
    _train(new_run(output or _next_folder(given["data"]), given))


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
    run = resumed_run(directory, given)
    asked = {**parts, **({"num_classes": num_classes} if num_classes is not None else {})}
    fixed = run.settings.model_arguments
    if differences := [
        f"{key}: saved {fixed.get(key)}, asked {value}" for key, value in asked.items() if fixed.get(key) != value
    ]:
        raise InputError(
            f"a resumed run keeps its settings, but these differ: {'; '.join(differences)}. Leave them out"
        )
    _train(run)


def _train(run: Run) -> None:
    for key, fact in facts(run).items():
        typer.echo(f"{key:>11}  {fact}")
    for note in [*run.notes, *run.dataset.notes[:12]]:
        typer.echo(f"{'note':>11}  {note}")
    typer.echo(f"{'output':>11}  {run.directory}\n")
    try:
        follow(train(run), run)
    except Interrupted as stopped:
        typer.echo(f"\n{stopped}; saved. Go on with: residuum train --resume {run.directory}", err=True)
        raise typer.Exit(130) from None
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


def _next_folder(data: str) -> Path:
    name = Path(data).resolve().name or "pictures"
    return next(folder for number in count(1) if not (folder := Path("runs") / f"{name}-{number}").exists())
