"""What ``residuum train`` does once its flags are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError
from ..training import resumed_run
from ..training.protocol import PROTOCOL
from ..training.recipe import recipe_text, with_recipe
from ..training.tensorboard import writer_class
from .machines import one_process, tell, train_new, train_on
from .seeds import go_on_seeds, show_lr, start_seeds


@dataclass(frozen=True)
class Asked:
    """What was asked for beside settings."""

    parts: dict[str, Any] = field(default_factory=dict)  # of the model's arguments
    num_classes: int | None = None
    seeds: int | None = None
    against: list[str] = field(default_factory=list)
    lr_find: bool = False
    tensorboard: bool = False


def start(output: Path | None, given: dict[str, Any], asked: Asked) -> None:
    """Train a new run, or several, or try rates."""
    data = with_recipe(given).get("data")
    if data is None:
        raise InputError("say what to train on: --data digits, cifar10, fashion_mnist, or a folder of images")
    if asked.parts:
        given["model_arguments"] = asked.parts
    if asked.num_classes is not None:
        given["num_classes"] = asked.num_classes
    if asked.against and asked.seeds is None:
        raise InputError("--against compares over several seeds; say how many with --seeds")
    _check_tensorboard(asked)
    if asked.lr_find or asked.seeds is not None:
        one_process(given, "--lr-find" if asked.lr_find else "each of the runs of --seeds")
    if asked.lr_find:
        show_lr(output, given)
    elif asked.seeds is not None:
        start_seeds(output or _next_folder(data), given, asked.seeds, asked.against)
    else:
        train_new(output, output or _next_folder(data), given, tensorboard=asked.tensorboard)


def show_recipe(name: str | None) -> None:
    """Print a recipe as it is written."""
    if name is None:
        raise InputError("say which recipe to show: --recipe NAME --show")
    typer.echo(recipe_text(name), nl=False)


def go_on(directory: Path, output: Path | None, given: dict[str, Any], asked: Asked) -> None:
    """Resume a run, or several; flags given again must be what the run has."""
    if output is not None and output != directory:
        raise InputError(f"--resume {directory} goes on in that folder; leave out --output {output}")
    _check_tensorboard(asked)
    if (directory / PROTOCOL).exists():
        if given or asked.parts or asked.seeds or asked.against:
            raise InputError(f"--resume {directory} goes on with what was asked for then; leave out all other flags")
        go_on_seeds(directory)
        return
    if asked.seeds or asked.against or asked.lr_find:
        raise InputError(f"--resume {directory} goes on with one run; leave out --seeds, --against and --lr-find")
    parts = {**asked.parts, **({} if asked.num_classes is None else {"num_classes": asked.num_classes})}
    again = {**given, "model_arguments": parts}
    train_on(directory, lambda world: resumed_run(directory, again, world, tell), tensorboard=asked.tensorboard)


def _check_tensorboard(asked: Asked) -> None:
    if asked.tensorboard and (asked.seeds is not None or asked.lr_find):
        raise InputError("--tensorboard watches one run; leave it out, or leave out --seeds and --lr-find")
    if asked.tensorboard:
        writer_class()  # what is missing is said before anything is written


def _next_folder(data: str) -> Path:
    name = Path(data).resolve().name or "pictures"
    return next(folder for number in count(1) if not (folder := Path("runs") / f"{name}-{number}").exists())
