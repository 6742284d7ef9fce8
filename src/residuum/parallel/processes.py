"""The processes that train one run together: which of them this one is, and how they find each other."""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ..errors import InputError, ProcessLost, ResiduumError
from ..machine.world import ALONE, World

# How long a process waits for the others before it calls them lost. One that dies is noticed at once, for its
# connections close; this is for a host that falls silent, and the first process may be writing or downloading.
PATIENCE = timedelta(minutes=10)
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


# How torch's backends say that another process has gone.
GONE = ("Connection closed by peer", "Connection reset", "Broken pipe", "Timed out", "timed out", "Socket closed",
        "NCCL", "recvValue failed", "sendBytes failed")  # fmt: skip


def find_world(environment: Mapping[str, str]) -> World:
    """Return the place that torchrun or SLURM's srun gave to this process; ``ALONE`` where neither started it."""
    if "RANK" in environment or "WORLD_SIZE" in environment:
        return _from_torchrun(environment)
    return _from_slurm(environment) if started(environment) else ALONE


def started(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun, or srun with several tasks, started this process beside others."""
    by_srun = "SLURM_STEP_ID" in environment and int(environment.get("SLURM_NTASKS", "1")) > 1
    return by_srun or "RANK" in environment or "WORLD_SIZE" in environment


def restarted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun starts the processes again because one has failed."""
    return int(environment.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def may_restart(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun would start the processes again if one failed."""
    return int(environment.get("TORCHELASTIC_MAX_RESTARTS", "0")) > 0


@contextlib.contextmanager
def join_processes(environment: Mapping[str, str] = os.environ) -> Iterator[World]:
    """Meet the other processes (gloo between processors, NCCL between GPUs) for as long as the block lasts."""
    world = find_world(environment)
    if world.size == 1:
        yield world
        return
    torch.set_num_threads(world.threads)
    if torch.cuda.is_available() and world.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(world.local_rank)
    address, port = meeting_point(environment)
    try:
        store, _, _ = next(rendezvous(f"tcp://{address}:{port}", world.rank, world.size, timeout=PATIENCE))
        dist.init_process_group(
            store=claim_room(store, world), rank=world.rank, world_size=world.size, timeout=PATIENCE
        )
    except RuntimeError as error:
        raise ProcessLost(
            f"{world} could not meet the others at {address}:{port} ({str(error).splitlines()[0][:200]}); start all of "
            "them, and let these hosts reach each other"
        ) from error
    try:
        yield world
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def noticing_loss(world: World) -> Iterator[None]:
    """Say in plain words that another process has gone, where torch names a socket or a library."""
    try:
        yield
    except RuntimeError as error:
        if world.size == 1 or isinstance(error, ResiduumError) or not any(words in str(error) for words in GONE):
            raise
        raise ProcessLost(
            f"{world} lost another one, which has died or cannot be reached ({str(error).splitlines()[0][:200]}); the "
            "run's folder holds its last checkpoint, and `residuum train --resume` goes on from it"
        ) from error


def claim_room(store: Store, world: World) -> Store:
    """Return a room in the store into which no earlier start of these processes has written.

    When torchrun starts processes again, its store still holds the addresses of those that have died, and whoever
    comes first would call there. So the first process names a room, and tells its name only to who is alive: each
    says hello under a word of its own, and hears the answer under that word.
    """
    word = uuid.uuid4().hex
    if world.rank > 0:
        store.set(f"hello/{world.rank}", word)
        room = store.get(f"answer/{word}").decode()  # waits
        store.set(f"heard/{room}/{world.rank}", "")
        return PrefixStore(room, store)
    missing, patience = set(range(1, world.size)), time.monotonic() + PATIENCE.total_seconds()
    while missing:
        for rank in [rank for rank in missing if store.check([f"hello/{rank}"])]:
            store.set(f"answer/{store.get(f'hello/{rank}').decode()}", word)
        missing = {rank for rank in missing if not store.check([f"heard/{word}/{rank}"])}
        if time.monotonic() > patience:
            raise RuntimeError(f"nothing heard of process {', '.join(map(str, sorted(missing)))}")
        time.sleep(0.02)
    return PrefixStore(word, store)


def meeting_point(environment: Mapping[str, str]) -> tuple[str, int]:
    """Return host and port where the processes meet: as given, else SLURM's first host and a port of the job's."""
    address = environment.get("MASTER_ADDR") or first_host(environment.get("SLURM_STEP_NODELIST", ""))
    port = environment.get("MASTER_PORT") or 20_000 + int(environment.get("SLURM_JOB_ID", "0")) % 20_000
    return address, int(port)


def first_host(hosts: str) -> str:
    """Return the first host of a SLURM list: ``node[03-05,9],other`` gives ``node03``."""
    if (found := re.match(r"([^\[,\s]+)(?:\[(\w+)[^\]]*\])?([^\[,\s]*)", hosts)) is None:
        raise InputError(
            f"under srun SLURM_STEP_NODELIST must name the hosts, got {hosts!r}; set MASTER_ADDR to the first one"
        )
    return "".join(part or "" for part in found.groups())


def _from_torchrun(environment: Mapping[str, str]) -> World:
    if missing := [name for name in TORCHRUN if not environment.get(name)]:
        present = ", ".join(name for name in TORCHRUN if environment.get(name))
        raise InputError(
            f"a process that others train with must be told {', '.join(TORCHRUN)}, but only {present} are set and "
            f"{', '.join(missing)} missing; start it with torchrun or srun, or with --processes"
        )
    rank, size, local_rank, local_size = (int(environment[name]) for name in TORCHRUN[:4])
    return World(rank, size, local_rank, local_size)


def _from_slurm(environment: Mapping[str, str]) -> World:
    rank, size = int(environment["SLURM_PROCID"]), int(environment["SLURM_NTASKS"])
    here = _tasks_per_host(environment["SLURM_STEP_TASKS_PER_NODE"])[int(environment["SLURM_NODEID"])]
    return World(rank, size, int(environment["SLURM_LOCALID"]), here)


def _tasks_per_host(text: str) -> list[int]:
    """Read SLURM's count of tasks on each host: ``4(x2),3`` is 4, 4, 3."""
    counts = re.findall(r"(\d+)(?:\(x(\d+)\))?", text)
    return [int(tasks) for tasks, times in counts for _ in range(int(times or 1))]
