"""A study's members: runs like any other, trained side by side, each gone on with where it stands."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..training import new_run, resumed_run, train
from ..training.run import CONFIG, TIMING

History = list[dict[str, float]]


def train_members(members: dict[str, dict[str, Any]], output: Path) -> Iterator[tuple[str, History]]:
    """Train every member in ``output/NAME`` and yield its history as it ends, finished ones first.

    Args:
        members: settings by name; each member gets one thread, as many train at a time as there are cores.
        output: the study's folder. Members that are there are gone on with; their settings must be the same.
    """
    given = {name: {**settings, "threads": 1} for name, settings in members.items()}
    with ProcessPoolExecutor(min(len(given), os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        longest_first = sorted(given, key=_work, reverse=True)
        waiting = {pool.submit(train_member, output / name, given[name]): name for name in longest_first}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def train_member(directory: Path, given: dict[str, Any]) -> History:
    """Train one member to its end and return its history."""
    if (directory / CONFIG).exists():
        run = resumed_run(directory, {key: value for key, value in given.items() if key != "model_arguments"})
    else:
        run = new_run(directory, given)
    for _ in train(run, report=False):
        pass
    return run.history


def training_seconds(output: Path, names: Iterable[str]) -> float:
    """Return what the members' epochs took, added up, whenever that was."""
    seconds = 0.0
    for name in names:
        with (output / name / TIMING).open(newline="", encoding="utf-8") as file:
            seconds += sum(float(row["seconds"]) for row in csv.DictReader(file))
    return seconds


def _work(name: str) -> int:
    """Deep networks take longest and are begun first: the number in a name such as ``plain-56-seed0``."""
    return int(next(part for part in name.split("-") if part.isdigit()))
