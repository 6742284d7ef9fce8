"""What a worker process owes to the one that started it, and how a process is asked to stop."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import parent_process
from typing import Any

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
    end_with_parent()


def _end_later(number: int, frame: Any) -> None:
    timer = threading.Timer(GRACE, os._exit, [128 + number])
    timer.daemon = True
    timer.start()


def end_with_parent() -> None:
    """End this process when the one that started it ends, however it does: who is killed can tell nobody.

    torch's workers look for another parent than the one they found when they were ready, and only between two batches.
    One whose parent was killed before that, or whose picture never comes, would stay for good.
    """
    if (parent := parent_process()) is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def refuse_imported_script() -> None:
    """End, in one line, a worker that runs the script of its user anew because nothing there guards its calls.

    Where processes are spawned (macOS, Windows, or by choice) each imports the script that started it. What trains on
    import would start workers of its own without end.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(
            "error: this script starts processes, and each imports it; put its calls below "
            '`if __name__ == "__main__":`, or take workers=0'
        )
