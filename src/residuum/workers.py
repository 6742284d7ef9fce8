"""What a worker process owes to the one that started it."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process


def serve_parent(worker: int = 0) -> None:
    """Leave Ctrl-C, which a terminal sends to every process, to the one that started this one, and end with it.

    Args:
        worker: its number, which torch's loaders give to a ``worker_init_fn``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """End this process when the one that started it ends, however it does: who is killed can tell nobody.

    torch's workers look for another parent than the one they found when they were ready, and only between two batches.
    One whose parent was killed before that, or whose picture never comes, would stay for good.
    """
    if (parent := parent_process()) is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
