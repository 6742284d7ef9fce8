"""Output of the command line: terminals and pipes of any code page, and readers that close early."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import NoReturn


def write_any_text() -> None:
    """Make every text writable: escape characters that the output's code page lacks (ASCII, latin-1, cp1252).

    Also escape the bytes of file names that are not UTF-8. Send a closed output (``>&-``) to the null device.
    """
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for as long as the command runs
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def reader_has_gone(left: SystemExit) -> bool:
    """Return whether a broken pipe ended the command: click and rich both exit with 1 then."""
    error: BaseException | None = left
    while error is not None and not isinstance(error, BrokenPipeError):
        error = error.__context__
    return left.code == 1 and error is not None


def written_out() -> bool:
    """Flush stdout; print an error and return False where that fails, as on a full disk."""
    try:
        sys.stdout.write("")  # flush does not retry the failed write of an unbuffered output; this does
        sys.stdout.flush()
    except BrokenPipeError:
        leave_quietly()
    except OSError as error:
        print(f"error: could not write the output: {error.strerror}; free space, or redirect it", file=sys.stderr)
        _write_nowhere(1)
        return False
    return True


def leave_quietly() -> NoReturn:
    """Exit with 0: the reader has all it wants, as ``head`` does. Write nothing more at exit."""
    _write_nowhere(1, 2)
    sys.exit(0)


def _write_nowhere(*descriptors: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
