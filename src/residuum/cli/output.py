"""Where the command line writes to: terminals and pipes of any code page, and readers that leave early."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import NoReturn


def write_any_text() -> None:
    """Let every text be written: what the output's code page lacks (ASCII, latin-1, cp1252) is escaped.

    So are the bytes of a file's name that is not UTF-8. An output that is closed (``>&-``) is read by nobody.
    """
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for as long as the command runs
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def reader_has_gone(left: SystemExit) -> bool:
    """Return whether a broken pipe made the command leave: click and rich both answer one by leaving with 1."""
    error: BaseException | None = left
    while error is not None and not isinstance(error, BrokenPipeError):
        error = error.__context__
    return left.code == 1 and error is not None


def written_out() -> bool:
    """Write what stdout still holds; print a line and return False where it refuses, as a full disk does."""
    try:
        sys.stdout.write("")  # what an unbuffered output was refused is written again by this, not by flush
        sys.stdout.flush()
    except BrokenPipeError:
        leave_quietly()
    except OSError as error:
        print(f"error: could not write the output: {error.strerror}; free space, or send it elsewhere", file=sys.stderr)
        _write_nowhere(1)
        return False
    return True


def leave_quietly() -> NoReturn:
    """End with 0: who reads our output has what was wanted, as ``head`` does. Nothing more is written at exit."""
    _write_nowhere(1, 2)
    sys.exit(0)


def _write_nowhere(*descriptors: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
