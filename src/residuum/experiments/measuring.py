"""Shared parts of the studies of trained networks: subjects, number of images, and comparisons of twins."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from ..analysis.sample import Sample, hits, take_sample
from ..report.lines import Line
from ..report.study_page import Finding
from .form import Members, Numbers, Options, Workspace
from .members import twins
from .statistics import Interval, Matters, bootstrap, judged_pairs, mean_interval

OWN = "model"  # the name of the user's own model
PICTURES = 1000  # images that a study examines, where there are as many
LEAST_PICTURES = 100
TRIAL = 64  # images of the trial that converts minutes into a number of images
CAPTION = "A line is the mean over seeds, its shade reaches from the lowest to the highest."
LOOKS = {"plain": "vermilion", "residual": "blue"}  # the same in every figure


def members_or_model(options: Options) -> Members:
    """Return the twins to train, or none where the user gives a model."""
    return {} if options.model else twins(options)


def subjects(work: Workspace) -> list[str]:
    """Return the names of the examined networks."""
    return list(work.histories) or [OWN]


def open_subject(work: Workspace, name: str) -> nn.Module:
    """Load one of these networks."""
    return work.model(None if name == OWN else name)


def pictures(work: Workspace, passes: int) -> int:
    """Return the number of images to examine: PICTURES, or with a budget the number that fits the minutes.

    The rule: a trial pass of 64 images gives the seconds per image; minutes / (passes * subjects * seconds), at least
    100 and at most PICTURES. The result is kept, so that a second call uses the same number.

    Args:
        work: the study's workspace.
        passes: number of passes of each subject over each image.
    """
    if not work.options.minutes:
        return PICTURES

    def settle() -> int:
        names = subjects(work)
        model = open_subject(work, names[-1])
        sample = take_sample(model, work.dataset(), count=TRIAL)
        hits(model, sample)  # warm-up: the first pass is slower
        started = time.perf_counter()
        hits(model, sample)
        seconds = (time.perf_counter() - started) / len(sample)
        return int(min(PICTURES, max(LEAST_PICTURES, 60 * work.options.minutes / (passes * len(names) * seconds))))

    return int(work.keep("pictures", settle))


def measured(
    work: Workspace, what: str, passes: int, look: Callable[[str, nn.Module, Sample], Numbers], *, split: str = "val"
) -> Numbers:
    """Return ``look``'s result for each subject and its sample, kept subject by subject."""
    count = pictures(work, passes)

    def of(name: str) -> Callable[[], Numbers]:
        def compute() -> Numbers:
            model = open_subject(work, name)
            sample = take_sample(model, work.dataset(), count=count, split=split)
            return {"pictures": len(sample), **look(name, model, sample)}

        return compute

    found = {name: work.keep(f"{what}-{name}", of(name)) for name in subjects(work)}
    return {"data": work.options.data, "classes": len(work.dataset().classes), "subjects": found}


def network_of(name: str) -> str:
    """Return the network of a subject: ``plain-20`` of ``plain-20-seed1``."""
    return name.rpartition("-seed")[0] or name


def by_network(numbers: Numbers) -> dict[str, list[Any]]:
    """Return the subjects' numbers by network, a list over its seeds."""
    grouped: dict[str, list[Any]] = {}
    for name, found in numbers["subjects"].items():
        grouped.setdefault(network_of(name), []).append(found)
    return grouped


def twin_depths(grouped: Mapping[str, Any]) -> list[int]:
    """Return the depths with both twins."""
    depths = sorted(int(name.split("-")[1]) for name in grouped if name.startswith("residual-"))
    return [depth for depth in depths if f"plain-{depth}" in grouped]


def look_of(network: str) -> str:
    """Return the colour of a network in every figure of these studies."""
    return LOOKS.get(network.split("-")[0], "green")


def lines_of(
    grouped: Mapping[str, list[Any]], x: Callable[[Any], Sequence[float]], y: Callable[[Any], Sequence[float | None]]
) -> list[Line]:
    """Return a line for each network over its seeds; the shallower of two depths is dashed."""
    depths = [int(name.split("-")[1]) for name in grouped if name.count("-") == 1]
    deepest = max(depths, default=0)
    return [
        Line(
            name,
            x(found[0]),
            [y(one) for one in found],
            look_of(name),
            dashed=bool(deepest) and name.split("-")[-1] != str(deepest),
        )
        for name, found in grouped.items()
    ]


def twins_judged(
    claim: str,
    published: str,
    grouped: Mapping[str, list[Any]],
    effect: Callable[[Any], float],
    side: str,
    matters: Matters,
    **words: Any,
) -> list[Finding]:
    """Judge for each depth on which side of zero the residual figure minus the plain twin's lies, by seed."""
    findings = []
    for depth in twin_depths(grouped):
        plain, residual = (np.array([effect(one) for one in grouped[f"{kind}-{depth}"]]) for kind in LOOKS)
        findings.append(judged_pairs(f"{claim} ({depth} layers)", published, residual - plain, side, matters, **words))
    return findings


def interval(over_seeds: Sequence[float] | np.ndarray, each: Sequence[float] | np.ndarray) -> Interval:
    """Return the interval over seeds (Student's t), or for a single network over its blocks or images (bootstrap)."""
    return mean_interval(over_seeds) if len(over_seeds) > 1 else bootstrap(each)


def named(network: str) -> str:
    """Return a network's name in sentences."""
    return "the model" if network == OWN else network


def chance(numbers: Numbers) -> float:
    """Return the error of guessing, percent."""
    return 100 * (1 - 1 / numbers["classes"])
