"""Worker processes: how they end with their parent, and which signals stop a process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

# Ctrl-C; what schedulers (SLURM, Kubernetes) and `kill` send; a terminal that closes, where there is such a signal.
STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
GRACE = 20.0  # seconds in which the process that started a worker may save and end it


def serve_parent(worker: int = 0) -> None:
    """Leave the signals that reach every process of a job to this process's parent, and end with it.

    A terminal sends Ctrl-C to all processes, a scheduler SIGTERM: a worker that ended at once would break the step that
    its parent completes before it saves. After a grace period SIGTERM ends a worker all the same.

    Args:
        worker: its number, which torch's loaders pass to a ``worker_init_fn``.
    """
    for number in STOPS:
        signal.signal(number, _end_later if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # which ``holding_signals`` blocked
    end_with_parent()


@contextlib.contextmanager
def holding_signals() -> Iterator[None]:
    """Start workers inside: what asks a process to stop reaches them after ``serve_parent``, this thread later.

    A spawned process imports for seconds before it can install signal handlers; a Ctrl-C would end it with a
    traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_later(number: int, frame: Any) -> None:
    timer = threading.Timer(GRACE, os._exit, [128 + number])
    timer.daemon = True
    timer.start()


def end_with_parent() -> None:
    """End this process when its parent ends, for any reason: a killed parent cannot announce it.

    torch's workers compare their parent with the one that they had when they were ready, and only between two batches.
    A worker whose parent was killed before that, or whose image never arrives, would never exit.
    """
    if (parent := parent_process()) is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


LAUNCHER = "RESIDUUM_LAUNCHER"  # environment variable: the id of the process that launched a run's processes
LOOK = 1.0  # seconds between checks for it


def end_with_launcher() -> None:
    """Send SIGTERM to this process, which then saves, once its launcher has died.

    A killed launcher (SIGKILL, or a second signal while it waits for the others) cannot signal its processes.
    """
    launcher = os.environ.get(LAUNCHER, "")
    if launcher.isdecimal() and hasattr(os, "getppid"):
        threading.Thread(target=_watch, args=(int(launcher),), daemon=True).start()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)


UNGUARDED = 76  # exit code of a worker whose script would start further workers
SCRIPT = (
    'this script starts processes, and each imports it; put its calls below `if __name__ == "__main__":`, or take '
    "workers=0"
)


def refuse_imported_script() -> None:
    """End, with one message, a worker that would run the user's script again because it has no main guard.

    Where processes are spawned (macOS, Windows, or by choice) each imports the script that started it. A script that
    trains on import would start workers without end. The first worker prints the message; all exit with ``UNGUARDED``,
    which shows their parent the reason.
    """
    process = multiprocessing.current_process()
    if not getattr(process, "_inheriting", False):
        return
    if process.name.endswith("-1"):
        print(f"error: {SCRIPT}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(UNGUARDED)  # a SystemExit would lose the code in a process of the fork server


def refuse_unguarded(workers: Iterable[BaseProcess]) -> None:
    """Raise InputError where one of these workers has ended because its script has no main guard."""
    if any(worker.exitcode == UNGUARDED for worker in workers):
        raise InputError(SCRIPT)


@contextlib.contextmanager
def pool_of(workers: int, begin: Callable[[], object] = serve_parent) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of spawned processes, each of which calls ``begin`` first; submit inside ``holding_signals``.

    Any error inside ends the processes at once; none stays behind.

    Raises InputError where one of them ends: the script has no main guard, or the system killed the process.
    """
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    refuse_imported_script()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            processes = processes_of(pool)
            pool.shutdown()  # exit codes are certain only after this
            refuse_unguarded(processes)
            raise InputError(
                "a worker process was killed, perhaps by a system out of memory; use fewer workers"
            ) from error
        except BaseException:
            for process in processes_of(pool):
                process.kill()
            raise


def processes_of(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    """Return the processes that a pool has started and not yet given up."""
    return list((getattr(pool, "_processes", None) or {}).values())  # no public name lists them
