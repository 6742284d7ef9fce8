"""Opening a run in several processes: the first settles everything and the others follow."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import torch.distributed as dist

from ..errors import InputError, ResiduumError
from ..machine.world import World
from ..parallel.distribution import broadcast_weights
from .run import Run, following_run


def open_together(world: World, make: Callable[[], Run]) -> Run:
    """Return the run that ``make`` opens in the first process, opened by every process.

    Only the first needs to see the run's folder; all need the images. What the user can mend is said once, by the
    first process, whoever met it; the others leave with the same exit code and without a word.
    """
    if world.size == 1:
        return make()
    run, error, told = None, None, [None]
    if world.writes:
        try:
            run = make()
            told = [(str(run.directory), run.settings, run.state)]  # type: ignore[list-item]
        except ResiduumError as found:
            error = found
    dist.broadcast_object_list(told, 0)
    if told[0] is not None and run is None:
        try:
            run = following_run(*told[0], world)
        except ResiduumError as found:
            error = found
    seen = None if run is None else (len(run.dataset.train), len(run.dataset.val), list(run.dataset.classes))
    _agree(world, error, seen)
    assert run is not None  # else _agree has raised
    broadcast_weights(run.model, world)
    return run


def _agree(world: World, error: ResiduumError | None, seen: Any) -> None:
    """Raise in every process what one of them met, and let no process continue with other images than the first's."""
    reports: list[Any] = [None] * world.size
    dist.all_gather_object(reports, (error, socket.gethostname(), seen))
    first = reports[0][2]
    for rank, (met, host, theirs) in enumerate(reports):
        if met is None and theirs != first:
            met = InputError(
                f"all processes must see the same images, but process 0 has {first[0]} to train on and {first[1]} "
                f"to validate on, process {rank} on {host} {theirs[0]} and {theirs[1]}; copy the data to every host"
            )
        elif met is not None and rank > 0:
            met = type(met)(f"process {rank} on {host}: {met}")
        if met is not None:
            raise met if world.writes else SystemExit(met.exit_code)
