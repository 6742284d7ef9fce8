"""Several seeds of one way to train, or of two side by side: what is different, and by how much more than chance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import write_text
from ..report.intervals import paired_difference, spread
from ..settings import SETTINGS, Asked, parse_setting
from ..settings.file import read_settings
from ..settings.reading import gather_parts
from ..settings.recipe import with_recipe
from ..training.result import Result
from ..training.run import CONFIG, Run, new_run, resumed_run

PROTOCOL, TABLE = "protocol.json", "seeds.csv"
FIRST, SECOND = "first", "second"  # the two configurations


@dataclass(frozen=True)
class Protocol:
    """What is to be run."""

    seeds: int
    given: Asked  # for the first configuration
    against: Asked  # what the second one has otherwise; empty: there is none

    def configurations(self) -> dict[str, Asked]:
        """Return the settings by name of configuration."""
        second = {SECOND: _laid_over(self.given, self.against)} if self.against else {}
        return {FIRST: self.given, **second}

    def write(self, folder: Path) -> None:
        """Write ``protocol.json``."""
        write_text(folder / PROTOCOL, json.dumps(vars(self), indent=2) + "\n")


def new_protocol(folder: Path, seeds: int, given: Asked, against: Sequence[str] = ()) -> Protocol:
    """Check what is asked for and make the folder.

    Args:
        folder: it must not exist or be empty.
        seeds: how many; 0, 1, 2, ... are run.
        given: settings by name, as for a run.
        against: ``KEY=VALUE`` for each setting that the second configuration has otherwise.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} is in use; choose another --output, or resume with residuum train --resume {folder}"
        )
    if seeds < 1:
        raise InputError(f"seeds, how many runs, must be at least 1, got {seeds}")
    if "seed" in given:
        raise InputError("--seeds runs 0, 1, 2, ... by itself; leave --seed out")
    protocol = Protocol(seeds, given, dict(map(parse_setting, against)))
    for settings in protocol.configurations().values():
        with_recipe(settings)
    protocol.write(folder)
    return protocol


def read_protocol(folder: Path) -> Protocol:
    """Read ``protocol.json``."""
    return Protocol(**json.loads((folder / PROTOCOL).read_text(encoding="utf-8")))


def open_member(folder: Path, given: Asked, seed: int, settled: Asked) -> Run:
    """Begin the run of that seed, or open it where it stands.

    Args:
        folder: the run's.
        given: the configuration.
        seed: the run's.
        settled: what other runs have found out on this machine, so that all are alike in it.
    """
    if (folder / CONFIG).exists():
        return resumed_run(folder, {"seed": seed})
    return new_run(folder, {**settled, **given, "seed": seed})


def settled_by(folder: Path) -> Asked:
    """Return what a run has found out on this machine."""
    settings = read_settings(folder / CONFIG)
    return {key: getattr(settings, key) for key, declared in SETTINGS.items() if declared.measured}


def write_table(folder: Path, results: Mapping[str, Sequence[Result]]) -> None:
    """Write ``seeds.csv``: a row a run."""
    rows = ["configuration,seed,epoch,acc1,loss"]
    for name, members in results.items():
        rows += [f"{name},{seed},{run.epoch},{run.acc1:.6g},{run.loss:.6g}" for seed, run in enumerate(members)]
    write_text(folder / TABLE, "\n".join(rows) + "\n")


def told(results: Mapping[str, Sequence[Result]], protocol: Protocol) -> list[str]:
    """Say what the runs came to: mean and standard deviation, and the paired difference of two configurations."""
    accuracies = {name: np.array([run.acc1 for run in runs]) for name, runs in results.items()}
    one = next(iter(results.values()))[0]
    lines = [f"accuracy on {one.pictures:,} images ({one.measured_on}); {one.chosen} of each run"]
    for name, values in accuracies.items():
        label = f"{name} ({', '.join(f'{k}={v}' for k, v in protocol.against.items())})" if name == SECOND else name
        count = f"{len(values)} seed{'s' if len(values) > 1 else ''}"
        lines.append(
            f"{label}: {spread(values, 2)} % over {count} (each: {', '.join(f'{value:.2f}' for value in values)})"
        )
    if SECOND in accuracies:
        lines.append(_difference(accuracies[SECOND] - accuracies[FIRST]))
    return lines


def _difference(differences: np.ndarray) -> str:
    """Say what the second configuration has more than the first."""
    interval = paired_difference(differences, np.zeros(len(differences)))
    text = f"second minus first, paired by seed: {interval.mean:+.2f} points"
    if len(differences) < 2:
        return f"{text}; one pair tells no interval"
    side = "more" if interval.above(0) else "less" if interval.below(0) else ""
    said = f"the second has {side}" if side else "no difference is shown"
    bounds = f"{interval.low:+.2f} to {interval.high:+.2f}"
    return f"{text}, 95 % interval {bounds} (Student's t, {len(differences)} pairs): {said}"


def _laid_over(given: Asked, against: Asked) -> Asked:
    second = gather_parts(against)
    arguments = {**_arguments(given), **_arguments(second)}
    return {**given, **second, **({"model_arguments": arguments} if arguments else {})}


def _arguments(asked: Asked) -> dict[str, Any]:
    found = asked.get("model_arguments") or {}
    assert isinstance(found, dict)
    return found
