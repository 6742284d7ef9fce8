"""Starting several processes on this machine, as torchrun does."""

from __future__ import annotations

import logging
import signal
import sys
import uuid
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ..errors import InputError, LaunchFailed

ENDED = (-signal.SIGTERM, 128 + signal.SIGTERM)  # by the launcher, with or without a chance to say so


def launch(processes: int, arguments: Sequence[str], resume: str) -> int:
    """Run ``residuum ARGUMENTS`` in several processes that find each other, and return the exit code.

    Args:
        processes: their number, at least 1.
        arguments: of the command line.
        resume: the command that resumes the run, for the message.

    Raises:
        InputError: fewer than one, or more than there are GPUs.
        LaunchFailed: one of them was killed or failed; the message says which. The others are ended.
    """
    if processes < 1:
        raise InputError(f"processes must be at least 1, got {processes}")
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what it says is said below
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=str(uuid.uuid4()), rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", local_addr="localhost", max_restarts=0,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", "residuum", *arguments)
    except SignalException as stopped:
        return 128 + stopped.sigval
    except ChildFailedError as error:
        return _told(error.failures, processes, resume)
    return 0


def _told(failures: dict[int, ProcessFailure], processes: int, resume: str) -> int:
    """Say who was killed first; who failed by itself has said so, and its exit code goes on.

    Those that had to stop because of it are among the failures: they were asked to by SIGTERM.
    """
    stopped = {rank: failure for rank, failure in failures.items() if failure.exitcode in ENDED}
    first = {rank: failure for rank, failure in failures.items() if rank not in stopped} or stopped
    for rank, failure in first.items():
        if failure.exitcode < 0:
            raise LaunchFailed(
                f"process {rank} of {processes} (pid {failure.pid}) was ended by "
                f"{signal.Signals(-failure.exitcode).name}, and the others with it; the run's folder holds its last "
                f"checkpoint; resume with: {resume}"
            )
    return min(failure.exitcode for failure in first.values())
