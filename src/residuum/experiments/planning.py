"""Predict a study's cost and power before it runs: runs, minutes, and the interval of each finding.

The minutes come from a short trial of each network. The intervals come from an earlier finished study of the same name:
its half-widths h over n seeds give the spread of one seed, so N seeds are expected to give

    h * t(N - 1) / t(n - 1) * sqrt(n / N),        t(k): the 97.5 % quantile of Student's t with k degrees of freedom.

A claim is decidable, not "too weak to say", where this is at most the smallest effect that matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..report.study_page import Finding
from .budget import foreseen_minutes
from .form import Options, Study, read_json

MOST_SEEDS = 30  # largest number proposed


class Foreseen(NamedTuple):
    """A finding predicted from an earlier study: half-widths in the finding's unit."""

    claim: str
    matters: str
    half: float
    enough: bool
    seeds_needed: int | None


class Plan(NamedTuple):
    """A study's predicted cost and intervals."""

    runs: int
    epochs: int
    minutes: float
    seeds: int
    earlier: str
    findings: list[Foreseen]


def plan_study(study: Study, name: str, options: Options, workers: int, folders: Iterable[Path]) -> Plan:
    """Return a study's runs, minutes and expected intervals; train and write nothing.

    Args:
        study: the module.
        name: its name in STUDIES.
        options: the settled options.
        workers: number of parallel runs.
        folders: may hold finished studies; of this name's studies the one with the most seeds counts, those on the
            same data first.
    """
    members = study.members(options)
    earlier = earlier_study(name, options.data, folders)
    judged = [] if earlier is None else study.findings(read_json(earlier)["numbers"])
    return Plan(
        runs=len(members),
        epochs=sum(settings["epochs"] for settings in members.values()),
        minutes=0.0 if options.runs else foreseen_minutes(study, options, workers),
        seeds=options.seeds,
        earlier="" if earlier is None else str(earlier.parent),
        findings=[_foreseen(finding, options.seeds) for finding in judged if finding.half is not None],
    )


def earlier_study(name: str, data: str, folders: Iterable[Path]) -> Path | None:
    """Return the most informative ``study.json`` on the spread: the same data first, then the most seeds."""
    held = [(read_json(path), path) for folder in folders if (path := folder / "study.json").exists()]
    source = data.split("[")[0]
    ranks = [
        (found["options"]["data"].split("[")[0] == source, found["options"]["seeds"], str(path), path)
        for found, path in held
        if found["study"] == name and found["options"]["seeds"] > 1
    ]
    return max(ranks)[-1] if ranks else None


def expected_half(half: float, seeds: int, asked: int) -> float:
    """Return the half-width of a 95 % interval over ``asked`` seeds, given it over ``seeds`` (both at least 2).

    >>> round(expected_half(2.0, 3, 5), 2)
    1.0
    """
    from scipy import stats

    before, now = (float(stats.t.ppf(0.975, count - 1)) for count in (seeds, asked))
    return half * now / before * math.sqrt(seeds / asked)


def _foreseen(finding: Finding, seeds: int) -> Foreseen:
    """Return the prediction for ``seeds`` seeds; an interval over images or blocks stays unchanged."""
    half = finding.half or 0.0
    if not finding.seeds:
        return Foreseen(finding.claim, finding.matters, half, half <= finding.least, None)
    widths = {count: expected_half(half, finding.seeds, count) for count in range(2, MOST_SEEDS + 1)}
    needed = next((count for count, width in widths.items() if width <= finding.least), None)
    now = widths.get(seeds, math.inf if seeds < 2 else expected_half(half, finding.seeds, seeds))
    return Foreseen(finding.claim, finding.matters, now, now <= finding.least, needed)
