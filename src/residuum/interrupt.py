"""Ctrl-C, and the signals by which a scheduler asks a process to end, answered between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from .errors import Interrupted
from .workers import STOPS

__all__ = ["Interrupted", "catching_interrupt"]

ONE_REQUEST = 0.5  # seconds: a terminal signals every process of a job, and a launcher passes it on to its own


class Request:
    """Whether a signal asked this process to stop, and which."""

    number = 0  # none
    at = 0.0

    def take(self, number: int) -> bool:
        """Note a signal; return whether it is a second request."""
        if self.number:
            return time.monotonic() - self.at > ONE_REQUEST
        self.number, self.at = number, time.monotonic()
        return False


@contextlib.contextmanager
def catching_interrupt() -> Iterator[Request]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into a request; the second does what it does elsewhere.

    A SIGHUP that is ignored, as ``nohup`` has it, stays so, and so does a handler that is not Python's: it could not be
    put back. Outside the main thread nothing is caught.
    """
    asked = Request()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: handler for number in STOPS if (handler := signal.getsignal(number)) is not None}
    caught = [number for number, handler in before.items() if number == signal.SIGINT or handler != signal.SIG_IGN]

    def restore() -> None:
        for number in caught:
            signal.signal(number, before[number])

    def catch(number: int, frame: Any) -> None:
        if asked.take(number):
            restore()
            signal.raise_signal(number)

    for number in caught:
        signal.signal(number, catch)
    try:
        yield asked
    finally:
        restore()
