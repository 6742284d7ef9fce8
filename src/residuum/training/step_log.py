"""What each step saw, exactly: ``steps.csv`` is the same file again after a run was broken off and gone on with."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from ..files import refusals_told, write_bytes
from .loop import Step

COLUMNS = b"step,lr,loss,grad_norm\n"


class StepLog:
    """Rows of step number, rate, loss and gradient norm, each float by the digits that give it back exactly.

    A row is with the operating system as soon as it is added, and on the disk once ``sync`` returns.

    Args:
        path: the file; its rows from step ``first`` on, which belong to steps that will be made again, are removed.
        first: number of the first step that will be added.
    """

    def __init__(self, path: Path, first: int) -> None:
        self.path = path
        before = path.read_bytes() if path.exists() else b""
        kept = COLUMNS + b"".join(_rows_before(before, first))
        if kept != before:
            write_bytes(path, kept)
        with refusals_told(path):
            self.file = path.open("ab", buffering=0)

    def add(self, step: Step) -> None:
        """Write a step's row."""
        row = f"{step.number},{step.lr!r},{step.loss.item()!r},{step.grad_norm.item()!r}\n".encode()
        with refusals_told(self.path):
            rest = memoryview(row)
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self.file.write(rest) :]

    def sync(self) -> None:
        """Have every row on the disk."""
        with refusals_told(self.path):
            os.fsync(self.file.fileno())

    def __enter__(self) -> StepLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.file.close()


def _rows_before(content: bytes, first: int) -> list[bytes]:
    """Return the whole rows of steps before ``first``; a row that was cut off by the machine's death is none."""
    rows = [row for row in content.splitlines(keepends=True)[1:] if row.endswith(b"\n")]
    return [row for row in rows if int(row.split(b",", 1)[0]) < first]
