"""What a worker process owes to the one that started it, and how a process is asked to stop."""

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
    """Leave the signals that reach every process of a job to the one that started this one, and end with it.

    A terminal sends Ctrl-C to all processes, a scheduler SIGTERM: a worker that ended at once would break the step that
    its parent still makes before it saves. After a while of grace SIGTERM ends a worker all the same.

    Args:
        worker: its number, which torch's loaders give to a ``worker_init_fn``.
    """
    for number in STOPS:
        signal.signal(number, _end_later if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # which ``holding_signals`` blocked
    end_with_parent()


@contextlib.contextmanager
def holding_signals() -> Iterator[None]:
    """Start workers inside: what asks a process to stop reaches them after ``serve_parent``, and this one afterwards.

    A spawned process imports for seconds before it can say what a signal does to it; a Ctrl-C would end it with a
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
    """End this process when the one that started it ends, however it does: who is killed can tell nobody.

    torch's workers look for another parent than the one they found when they were ready, and only between two batches.
    One whose parent was killed before that, or whose image never comes, would stay for good.
    """
    if (parent := parent_process()) is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


LAUNCHER = "RESIDUUM_LAUNCHER"  # variable: the id of the process that started several of a run
LOOK = 1.0  # seconds between looks for it


def end_with_launcher() -> None:
    """Let SIGTERM end this process, which saves, when the one that launched it has ended without a word.

    A process group's leader that is killed (SIGKILL, or a second signal while it waits for the others) can't say so.
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


UNGUARDED = 76  # exit code of a worker whose script would start workers of its own
SCRIPT = (
    'this script starts processes, and each imports it; put its calls below `if __name__ == "__main__":`, or take '
    "workers=0"
)


def refuse_imported_script() -> None:
    """End, in one line, a worker that runs the script of its user anew because nothing there guards its calls.

    Where processes are spawned (macOS, Windows, or by choice) each imports the script that started it. What trains on
    import would start workers of its own without end. The first worker prints the line; all end with ``UNGUARDED``, by
    which the process that started them knows why.
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
    """Raise InputError where one of these workers has ended because its script guards no calls."""
    if any(worker.exitcode == UNGUARDED for worker in workers):
        raise InputError(SCRIPT)


@contextlib.contextmanager
def pool_of(workers: int, begin: Callable[[], object] = serve_parent) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of spawned processes, each of which calls ``begin`` first; submit inside ``holding_signals``.

    Whatever is raised inside ends the processes: none is waited for, none stays behind.

    Raises InputError where one of them ends: the script guards no calls, or the system has killed it.
    """
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    refuse_imported_script()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            processes = processes_of(pool)
            pool.shutdown()  # until then no exit code is sure to be known
            refuse_unguarded(processes)
            raise InputError(
                "a worker process was ended from outside, as a system does that runs out of memory; take fewer workers"
            ) from error
        except BaseException:
            for process in processes_of(pool):
                process.kill()
            raise


def processes_of(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    """Return the processes that a pool has started and not yet given up."""
    return list((getattr(pool, "_processes", None) or {}).values())  # no public name lists them
