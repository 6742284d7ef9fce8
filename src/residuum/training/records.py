"""Tables in a run's folder: ``summary.csv``, which repeats to the bit, and ``timing.csv``, which cannot."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

from ..files import write_text

CsvRows = list[dict[str, Any]]
EpochRow = dict[str, float]  # of summary.csv


def csv_text(rows: CsvRows) -> str:
    """Return a table with a header; floats by six digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows
    )
    return text.getvalue()


def read_rows(path: Path) -> CsvRows:
    """Return a table's rows as text; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_numbers(path: Path) -> list[dict[str, float]]:
    """Return the rows of a table of numbers; none where there is no file."""
    return [{name: float(value) for name, value in row.items()} for row in read_rows(path)]


class Clock:
    """What each epoch took; one that was broken off is timed from where it was gone on with.

    Args:
        path: ``timing.csv``, kept up to the epochs that are done.
        epochs: how many are done.
    """

    def __init__(self, path: Path, epochs: int) -> None:
        self.path, self.rows = path, read_rows(path)[:epochs]
        self.started, self.images = time.perf_counter(), 0

    def count(self, images: int) -> None:
        """Add a step's images."""
        self.images += images

    def close(self, epoch: float) -> None:
        """End an epoch, write its row and begin the next."""
        seconds = time.perf_counter() - self.started
        self.rows.append({"epoch": epoch, "seconds": seconds, "images_per_second": self.images / seconds})
        write_text(self.path, csv_text(self.rows))
        self.started, self.images = time.perf_counter(), 0
