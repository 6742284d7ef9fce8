"""Ctrl-C, answered between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The user stopped the run; its state is saved."""


@contextlib.contextmanager
def catching_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag; the second is the usual one. Outside the main thread nothing is caught."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.getsignal(signal.SIGINT)

    def catch(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, catch)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
