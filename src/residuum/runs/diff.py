"""Where two runs part: in what they were told, in where they were made, and in what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ..machine.environment import changes, read_record
from ..settings.file import read_settings
from ..training.records import read_rows
from ..training.run import BEST, CONFIG, ENVIRONMENT, LAST, STEPS, SUMMARY
from ..weights.reading import read_tensors

Pair = tuple[Any, Any]  # of the first run and of the second


@dataclass(frozen=True)
class Table:
    """Two tables compared row by row."""

    rows: tuple[int | None, int | None]  # how many each has; None: the run has none of these tables
    first: int | None = None  # where they part: the row's own number
    columns: dict[str, Pair] = field(default_factory=dict)  # what differs there; empty where only one has such a row

    @property
    def same(self) -> bool:
        """Whether both have the same rows; a table that is not there says nothing."""
        return self.first is None


@dataclass(frozen=True)
class Weights:
    """Two weights files compared."""

    sha256: tuple[str | None, str | None]  # None: the run has no such file
    tensors: list[str]  # that differ in shape or value
    largest: float = 0.0  # difference of two numbers in tensors of one shape

    @property
    def same(self) -> bool:
        """Whether the files are the same bytes."""
        return self.sha256[0] == self.sha256[1]


@dataclass(frozen=True)
class Difference:
    """What two runs differ in; what is the same is left out of the dictionaries."""

    configuration: dict[str, Pair]
    data: dict[str, Pair]
    environment: dict[str, Pair]  # no part of a run's result, but often the reason that results differ
    steps: Table
    epochs: Table
    weights: dict[str, Weights]

    @property
    def same(self) -> bool:
        """Whether configuration, data and all that came of it are the same to the bit."""
        parts = (self.steps, self.epochs, *self.weights.values())
        return not self.configuration and not self.data and all(part.same for part in parts)


def diff_runs(first: str | Path, second: str | Path) -> Difference:
    """Compare two runs' folders; they may be of any length, and still training.

    Raises InputError for a folder that is no run.
    """
    a, b = Path(first), Path(second)
    settings = changes(*(asdict(read_settings(run / CONFIG)) for run in (a, b)))
    records = [read_record(run / ENVIRONMENT) for run in (a, b)]
    return Difference(
        configuration=settings,
        data=_data(*(record.get("data", {}) for record in records)) if all(records) else {},
        environment=_environments(*records) if all(records) else {},
        steps=_tables(a / STEPS, b / STEPS),
        epochs=_tables(a / SUMMARY, b / SUMMARY),
        weights={name: _weights(a / name, b / name) for name in (LAST, BEST)},
    )


def _data(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Pair]:
    """Compare the images; what earlier versions did not note is no difference."""
    return {name: pair for name, pair in changes(a, b).items() if name in a and name in b}


def _environments(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Pair]:
    """Compare where the runs were begun, and at which steps they went on elsewhere."""
    found = changes(a["parts"][0], b["parts"][0])
    ours, theirs = ([part["from_step"] for part in record["parts"][1:]] for record in (a, b))
    return {**found, "moved at step": (ours, theirs)} if ours != theirs else found


def _tables(a: Path, b: Path) -> Table:
    """Compare two tables whose first column numbers the rows."""
    ours, theirs = (read_rows(path) if path.exists() else None for path in (a, b))
    counts = (None if ours is None else len(ours), None if theirs is None else len(theirs))
    for one, other in zip_longest(ours or [], theirs or [], fillvalue={}) if None not in counts else ():
        if one != other:
            number = next(iter((one or other).values()))
            return Table(counts, int(number), changes(one, other) if one and other else {})
    return Table(counts)


def _weights(a: Path, b: Path) -> Weights:
    hashes = (_sha256(a), _sha256(b))
    if None in hashes or hashes[0] == hashes[1]:
        return Weights(hashes, [])
    (one, _), (other, _) = read_tensors(a), read_tensors(b)
    comparable = [name for name in one if name in other and one[name].shape == other[name].shape]
    far = {name: (one[name].double() - other[name].double()).abs().max().item() for name in comparable}
    differing = [name for name in dict.fromkeys([*one, *other]) if far.get(name, 1.0) != 0]
    return Weights(hashes, differing, max(far.values(), default=0.0))


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
