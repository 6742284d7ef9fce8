"""Collect and report members that are runs of a condition: ``CONDITION-seed0``, ``CONDITION-seed1``, ..."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..report.dots import dots
from ..report.study_page import Finding, Table
from .form import Members, Numbers, Options, Workspace
from .statistics import Matters, judged_pairs, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = ("train_loss", "train_acc1", "val_loss", "val_acc1")


def of_conditions(conditions: Mapping[str, Mapping[str, Any]], options: Options) -> Members:
    """Return a member for each condition and seed: shared settings, overridden by the condition's."""
    return {
        f"{condition}-seed{seed}": {**options.training, **settings, "seed": seed}
        for condition, settings in conditions.items()
        for seed in range(options.seeds)
    }


def gathered(work: Workspace) -> Numbers:
    """Return {"data", "curves": {condition: {figure: [seeds][epochs]}}, "diverged": {condition: number of runs}}."""
    curves: dict[str, dict[str, list[list[float | None]]]] = {}
    diverged: dict[str, int] = {}
    for name, history in work.histories.items():
        condition = condition_of(name)
        rows = curves.setdefault(condition, {figure: [] for figure in FIGURES})
        for figure in FIGURES:
            rows[figure].append([_finite(row[figure]) for row in history])
        diverged[condition] = diverged.get(condition, 0) + any(row.get("diverged") for row in history)
    return {"data": work.options.data, "curves": curves, "diverged": diverged}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def condition_of(member: str) -> str:
    """Return the part of a member's name before its seed."""
    return member.rsplit("-seed", 1)[0]


def last(numbers: Numbers, condition: str, figure: str = "train_acc1") -> np.ndarray:
    """Return a figure at the last epoch of each seed: [seeds]."""
    return np.array([curve[-1] for curve in numbers["curves"][condition][figure]])


def against(numbers: Numbers, condition: str, other: str, figure: str = "val_acc1") -> np.ndarray:
    """Return a figure at the last epoch minus the figure of another condition: [seeds]."""
    return last(numbers, condition, figure) - last(numbers, other, figure)


def held_against(
    numbers: Numbers, other: tuple[str, str], words: Mapping[str, str], claims: Mapping[str, tuple[str, str, Matters]]
) -> list[Finding]:
    """Judge for each condition that its validation accuracy lies on the claimed side of another's.

    Args:
        numbers: as ``gathered`` returns them.
        other: the reference condition, and its name in sentences.
        words: each condition's name in sentences.
        claims: for each judged condition "above" or "below", the published figures, and the smallest
            difference that would matter.
    """
    condition, called = other
    does = {"below": "does worse", "above": "does better"}
    return [
        judged_pairs(
            f"{words[name][0].upper()}{words[name][1:]} {does[side]} than {called}",
            published,
            against(numbers, name, condition),
            side,
            matters,
            unit=f"points of validation accuracy against {called}",
        )
        for name, (side, published, matters) in claims.items()
    ]


def accuracy_dots(
    numbers: Numbers, other: str, words: Mapping[str, str], title: str, looks: Mapping[str, str] | None = None
) -> Figure:
    """Draw validation accuracy at the last epoch, a row for each condition, and the mean of the other as a line."""
    values = {words[name]: last(numbers, name, "val_acc1").tolist() for name in words}
    level = (float(last(numbers, other, "val_acc1").mean()), other)
    return dots(values, title=title, xlabel="%", looks=dict(looks or {}), level=level)


def accuracy_table(numbers: Numbers, conditions: Sequence[str] | None = None) -> Table:
    """Return training and validation accuracy at the last epoch, of every seed."""
    names = list(conditions or numbers["curves"])
    first = numbers["curves"][names[0]]["train_acc1"]
    rows = []
    for name in names:
        train, val = (last(numbers, name, figure) for figure in ("train_acc1", "val_acc1"))
        single = [f"{a:.1f} / {b:.1f}" for a, b in zip(train, val, strict=True)]
        stopped = f" ({numbers['diverged'][name]} diverged)" if numbers["diverged"][name] else ""
        rows.append([f"{name}{stopped}", spread(train), spread(val), *single])
    caption = (
        f"Accuracy after the last epoch on {numbers['data']}, mean and standard deviation over {len(first)} seeds; "
        "then each seed's training / validation accuracy. A run that diverged counts as guessing."
    )
    return Table(
        ["network", "training %", "validation %", *(f"seed {seed}" for seed in range(len(first)))], rows, caption
    )


def epochs_to(curves: Sequence[Sequence[float]], level: float) -> list[float | None]:
    """Return for each seed the number of epochs until a curve reaches the level, interpolated linearly.

    None where it never does. ``curves`` are [seeds][epochs]; there is no value before the first epoch, so a curve that
    starts above the level has taken one epoch or less and counts as 1.
    """
    found: list[float | None] = []
    for curve in curves:
        place = next((i for i, value in enumerate(curve) if value >= level), None)
        if place is None or place == 0:
            found.append(None if place is None else 1.0)
        else:
            before, after = curve[place - 1], curve[place]
            found.append(place + (level - before) / (after - before))
    return found


def one_sentence(numbers: Numbers, sentence: Callable[[], str]) -> str:
    """Return the sentence, or a note that one run of each condition shows nothing."""
    seeds = min(len(curves["train_acc1"]) for curves in numbers["curves"].values())
    return sentence() if seeds > 1 else "One run of each network shows nothing: give at least two seeds."
