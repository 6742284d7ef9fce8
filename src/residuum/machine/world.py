"""Which of the processes that train one run this one is, and what of this machine it may use."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from ..data.share import Share


@dataclass(frozen=True)
class World:
    """Which process this is (``rank`` of ``size``), and of those on this host (``local_rank`` of ``local_size``)."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """What this process takes of every batch."""
        return Share(self.rank, self.size)

    @property
    def threads(self) -> int:
        """How many threads suit it: the cores open to it, shared out among the processes of this host.

        torchrun asks for one thread, which leaves most of a large machine idle.
        """
        return torch.get_num_threads() if self.size == 1 else max(1, _cores() // self.local_size)

    def __str__(self) -> str:
        return f"process {self.rank} of {self.size}"


ALONE = World()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
