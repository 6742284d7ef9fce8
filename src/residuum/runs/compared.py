"""Runs side by side: what each came to, and where their settings differ."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from residuum_runtime.missing import files_like

from ..errors import InputError, pick
from ..settings.file import read_settings
from ..training.records import EpochRow, read_numbers
from ..training.result import RESULT, read_result
from ..training.run import CONFIG, SUMMARY, TIMING


@dataclass(frozen=True)
class RunSummary:
    """A run's folder, read."""

    name: str  # of the folder, as seen from the one that was asked for
    settings: dict[str, Any]  # parts of the model are keys of their own
    history: list[EpochRow]  # an epoch each; none where the first is still going on
    seconds: float  # of all epochs
    result: float | None  # accuracy of the chosen weights, percent; None: the run has not ended

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.history)

    @property
    def best(self) -> EpochRow | None:
        """The first of the epochs with the best validation accuracy."""
        validated = [row for row in self.history if not math.isnan(row["val_acc1"])]
        return max(validated, key=lambda row: row["val_acc1"], default=None)

    @property
    def last(self) -> EpochRow | None:
        """The last epoch."""
        return self.history[-1] if self.history else None


def find_runs(root: Path) -> tuple[list[RunSummary], list[str]]:
    """Return the runs at or below a folder, by name, and what of them could not be read.

    Raises:
        InputError: no folder, or no run in it.
    """
    if not root.is_dir():
        got = "a file" if root.exists() else f"not there; {files_like(root)}"
        raise InputError(f"expected a folder with runs, but {root} is {got}")
    runs, refused = [], []
    for config in sorted(root.rglob(CONFIG)):
        folder = config.parent
        try:
            runs.append(_read(folder, root))
        except (InputError, ValueError, KeyError) as error:
            refused.append(f"{folder} is left out: {str(error).splitlines()[0]}")
    if not runs:
        why = f" ({refused[0]})" if refused else ""
        raise InputError(f"{root} holds no run{why}; give the folder above those that `residuum train` has written")
    return runs, refused


# What runs can be sorted by: the column's value, and whether high comes first.
ORDERS = {
    "best": (lambda run: run.best["val_acc1"] if run.best else -1.0, True),
    "last": (lambda run: -1.0 if run.last is None or math.isnan(run.last["val_acc1"]) else run.last["val_acc1"], True),
    "result": (lambda run: -1.0 if run.result is None else run.result, True),
    "epochs": (lambda run: run.epochs, True),
    "time": (lambda run: run.seconds, False),
    "name": (lambda run: run.name, False),
}


def in_order(runs: list[RunSummary], by: str) -> list[RunSummary]:
    """Return the runs sorted; equal ones stay as they were."""
    key, falling = pick(ORDERS, by, "the order of runs")
    return sorted(runs, key=key, reverse=falling)


def differing_settings(runs: list[RunSummary]) -> list[str]:
    """Return the settings in which the runs are not all alike, in the order in which a run has them."""
    names = list(dict.fromkeys(name for run in runs for name in run.settings))
    return [name for name in names if len({repr(run.settings.get(name)) for run in runs}) > 1]


def _read(folder: Path, root: Path) -> RunSummary:
    settings = asdict(read_settings(folder / CONFIG))
    parts = settings.pop("model_arguments")
    settings = {name: value for name, value in settings.items() if name not in parts} | parts
    name = folder.relative_to(root).as_posix()
    seconds = sum(row["seconds"] for row in read_numbers(folder / TIMING))
    result = read_result(folder).acc1 if (folder / RESULT).exists() else None
    return RunSummary(folder.name if name == "." else name, settings, read_numbers(folder / SUMMARY), seconds, result)
