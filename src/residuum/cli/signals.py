"""SIGTERM and SIGHUP at the command line: like Ctrl-C, each with its own exit code."""

from __future__ import annotations

import os
import signal
from typing import Any

from ..workers import STOPS

_received: list[int] = []


def stop_on_signals() -> None:
    """Make SIGTERM and SIGHUP interrupt as Ctrl-C does; an ignored signal (``nohup``) stays ignored.

    A process started by torchrun leaves them to the system until it trains: it may wait for peers that never come.
    """
    for number in STOPS:
        if number != signal.SIGINT and signal.getsignal(number) == signal.SIG_DFL and "RANK" not in os.environ:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: Any) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def exit_code_of(stopped: BaseException) -> int:
    """Return 128 and the number of the signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    code = getattr(stopped, "exit_code", None)  # of a run that saved its state
    return code if isinstance(code, int) else 128 + (_received[-1] if _received else signal.SIGINT)
