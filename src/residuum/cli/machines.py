"""One run in several processes, from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from ..errors import InputError
from ..machine.world import World
from ..parallel.processes import join_processes, may_restart, restarted, started
from ..settings import Asked
from ..settings.file import read_settings
from ..training import Interrupted, Run, new_run, resumed_run, train
from ..training.memory import telling_memory
from ..training.run import CONFIG
from ..training.state import Diverged
from ..training.together import open_together
from ..workers import LAUNCHER, end_with_launcher
from .following import train_and_tell


def train_new(output: Path | None, folder: Path, given: Asked, *, tensorboard: bool = False) -> None:
    """Train a new run in ``folder``, which was chosen where no ``output`` was asked for."""
    if given.get("processes", 1) != 1 and not started():
        _launch(int(str(given["processes"])), [] if output else ["--output", str(folder)], folder)
    if output is None and may_restart():
        raise InputError("torchrun may start this run again (--max-restarts) and must find its folder: add --output")

    def make(world: World) -> Run:
        if restarted() and (folder / CONFIG).exists():
            return resumed_run(folder, {}, world, tell)
        with telling_memory():
            return new_run(folder, given, world, tell)

    _train(make, tensorboard)


def train_on(directory: Path, resume: Callable[[World], Run], *, tensorboard: bool = False) -> None:
    """Resume a run in as many processes as it has, starting them where nobody else has."""
    if not started() and (processes := read_settings(directory / CONFIG).processes) > 1:
        _launch(processes, [], directory)
    _train(resume, tensorboard)


def tell(text: str) -> None:
    """Say what is done before training begins."""
    typer.echo(text, err=True)


def one_process(given: Asked, what: str) -> None:
    """Refuse several processes for what only one can do."""
    if given.get("processes", 1) != 1 or started():
        raise InputError(f"{what} trains in one process; leave --processes out, and torchrun or srun")


def _train(make: Callable[[World], Run], tensorboard: bool) -> None:
    end_with_launcher()
    with join_processes() as world:
        run = open_together(world, lambda: make(world))
        if world.writes:
            train_and_tell(run, tensorboard=tensorboard)
        else:
            _train_in_silence(run)


def _train_in_silence(run: Run) -> None:
    """Train beside the first process, which speaks for all."""
    try:
        with telling_memory(run):
            for _ in train(run):
                pass
    except Interrupted as stopped:
        raise typer.Exit(stopped.exit_code) from None
    except Diverged as stopped:  # all processes see the same loss
        raise typer.Exit(stopped.exit_code) from None


def _launch(processes: int, more: list[str], folder: Path) -> None:
    """Let so many processes do what this one was told to do, and leave with their exit code."""
    from ..parallel.launch import launch

    os.environ[LAUNCHER] = str(os.getpid())
    raise typer.Exit(launch(processes, [*sys.argv[1:], *more], f"residuum train --resume {folder}"))
