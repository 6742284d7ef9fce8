"""What ``residuum train`` does once its flags are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import typer

from ..errors import InputError
from ..runs.protocol import PROTOCOL
from ..settings import Asked
from ..settings.recipe import recipe_text
from ..training import resumed_run
from ..training.tensorboard import writer_class
from .machines import one_process, tell, train_new, train_on
from .seeds import go_on_seeds, show_lr, start_seeds


@dataclass(frozen=True)
class Wanted:
    """What was asked for beside settings."""

    seeds: int | None = None
    against: list[str] = field(default_factory=list)
    lr_find: bool = False
    tensorboard: bool = False


def start(output: Path | None, data: str, given: Asked, wanted: Wanted) -> None:
    """Train a new run, or several, or try rates."""
    if wanted.against and wanted.seeds is None:
        raise InputError("--against compares over several seeds; say how many with --seeds")
    _check_tensorboard(wanted)
    if wanted.lr_find or wanted.seeds is not None:
        one_process(given, "--lr-find" if wanted.lr_find else "each of the runs of --seeds")
    if wanted.lr_find:
        show_lr(output, given)
    elif wanted.seeds is not None:
        start_seeds(output or _next_folder(data), given, wanted.seeds, wanted.against)
    else:
        train_new(output, output or _next_folder(data), given, tensorboard=wanted.tensorboard)


def show_recipe(flags: Asked) -> None:
    """Print a recipe as it is written."""
    if flags.get("recipe") is None:
        raise InputError("say which recipe to show: --recipe NAME --show")
    typer.echo(recipe_text(str(flags["recipe"])), nl=False)


def resume_in(directory: Path, output: Path | None, flags: Asked, wanted: Wanted) -> None:
    """Resume a run, or several; flags given again must be what the run has."""
    if output is not None and output != directory:
        raise InputError(f"--resume {directory} goes on in that folder; leave out --output {output}")
    _check_tensorboard(wanted)
    if (directory / PROTOCOL).exists():
        if flags or wanted.seeds or wanted.against:
            raise InputError(f"--resume {directory} resumes with the settings of then; leave out all other flags")
        go_on_seeds(directory)
        return
    if wanted.seeds or wanted.against or wanted.lr_find:
        raise InputError(f"--resume {directory} resumes one run; leave out --seeds, --against and --lr-find")
    train_on(directory, lambda world: resumed_run(directory, flags, world, tell), tensorboard=wanted.tensorboard)


def _check_tensorboard(wanted: Wanted) -> None:
    if wanted.tensorboard and (wanted.seeds is not None or wanted.lr_find):
        raise InputError("--tensorboard watches one run; leave it out, or leave out --seeds and --lr-find")
    if wanted.tensorboard:
        writer_class()  # what is missing is said before anything is written


def _next_folder(data: str) -> Path:
    name = Path(data).resolve().name or "images"
    return next(folder for number in count(1) if not (folder := Path("runs") / f"{name}-{number}").exists())
