"""What each step saw, exactly: ``steps.csv`` is the same file again after a run was broken off and gone on with."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from ..errors import ResiduumError
from ..files import refusals_told, write_bytes
from .loop import Step
from .meter import is_due, read_steps

COLUMNS = b"step,lr,loss,grad_norm\n"


class StepLog:
    """Rows of step number, rate, loss and gradient norm, each float by the digits that give it back exactly.

    A row is with the operating system as soon as it is added, or some steps later where the device would have to be
    waited for, and on the disk once ``sync`` returns.

    Args:
        path: the file; its rows from step ``first`` on, which belong to steps that will be made again, are removed.
        first: number of the first step that will be added.
    """

    def __init__(self, path: Path, first: int) -> None:
        self.path, self.waiting = path, list[Step]()
        before = path.read_bytes() if path.exists() else b""
        kept = COLUMNS + b"".join(_rows_before(before, first))
        if kept != before:
            write_bytes(path, kept)
        with refusals_told(path):
            self.file = path.open("ab", buffering=0)

    def add(self, step: Step) -> None:
        """Write a step's row, or let it wait where its numbers do."""
        self.waiting.append(step)
        if is_due(self.waiting):
            self._write()

    def _write(self) -> None:
        waiting, self.waiting = self.waiting, []
        rows = [f"{step.number},{step.lr!r},{loss!r},{norm!r}\n" for step, loss, _, norm in read_steps(waiting)]
        with refusals_told(self.path):
            rest = memoryview("".join(rows).encode())
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self.file.write(rest) :]

    def sync(self) -> None:
        """Have every row on the disk."""
        self._write()
        with refusals_told(self.path):
            os.fsync(self.file.fileno())

    def __enter__(self) -> StepLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, ResiduumError):  # not where the device has failed
                self._write()
        finally:
            self.file.close()


def _rows_before(content: bytes, first: int) -> list[bytes]:
    """Return the whole rows of steps before ``first``; a row that was cut off by the machine's death is none."""
    rows = [row for row in content.splitlines(keepends=True)[1:] if row.endswith(b"\n")]
    return [row for row in rows if int(row.split(b",", 1)[0]) < first]
