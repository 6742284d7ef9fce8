"""Robustness: how much accuracy do noise, blur, low contrast and occlusion cost, with and without shortcuts?

Command    residuum study robustness [--model FILE --data DATA]

No network trains on corrupted images. Twins get exactly the same corrupted pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from ..analysis.corruption import CORRUPTIONS, FIFTEEN, FOUR, hits_by_strength
from ..analysis.sample import Sample
from ..report.intervals import Interval
from ..report.lines import Panel, line_panel
from ..report.study_page import MARKS, Drawing, Finding, Table
from .form import Numbers, Options, Workspace
from .measuring import CAPTION, by_network, chance, lines_of, measured, members_or_model, named, twins_judged
from .statistics import Matters, bootstrap, judged, spread

QUESTION = (
    "By a popular account plain networks are less robust. When images are noisy, blurred, pale or partly "
    "covered, does a plain network lose more accuracy than its residual twin of the same layers?"
)
SOURCE = "popular accounts; the corruptions after Hendrycks 2019 (arXiv:1903.12261), which compares no such twins"
COST = "about two minutes on two cores: six runs of 15 epochs on the embedded digits"
EXPECTED = "the plain twin loses more accuracy under each corruption."
DEFAULTS = Options(data="digits", depths=(20,))

DRAWS = 3  # of noise and of occluded places; the mean counts
MATTERS = Matters(2.0, "chosen here: what the depth of ResNet-56 is worth on CIFAR-10 (He15 table 6: 1.78 points)")
DRAWN = ("noise", "occlusion")
CHOICES = (*FOUR, *FIFTEEN, "cifar-10-c")  # of --only; the last one means all fifteen


def _asked(options: Options) -> list[str]:
    """Return the corruptions: the four that need no 32x32 colour images, or the ones named by ``--only``."""
    wanted = options.only or FOUR
    return [kind for kind in CORRUPTIONS if kind in wanted or (kind in FIFTEEN and "cifar-10-c" in wanted)]


def kinds(numbers: Numbers) -> list[str]:
    """Return the measured corruptions."""
    return list(next(iter(numbers["subjects"].values()))["corruptions"])


members = members_or_model


def measure(work: Workspace) -> Numbers:
    """Return accuracy by corruption and strength of each network."""
    asked = _asked(work.options)
    passes = sum((1 + len(CORRUPTIONS[kind].strengths)) * _draws(kind) for kind in asked)

    def look(name: str, model: nn.Module, sample: Sample) -> Numbers:
        return {"corruptions": {kind: _accuracies(kind, model, sample) for kind in asked}}

    return measured(work, "robustness", passes=passes, look=look)


def _draws(kind: str) -> int:
    return DRAWS if kind in DRAWN else 1


def _accuracies(kind: str, model: nn.Module, sample: Sample) -> Numbers:
    draws = range(_draws(kind))
    hits = np.mean([hits_by_strength(model, sample, kind, seed=seed).double().numpy() for seed in draws], axis=0)
    lost = bootstrap(hits[0] - hits[1:].mean(0))  # each image's own loss, mean over strengths
    return {
        "strengths": [0.0, *CORRUPTIONS[kind].strengths],
        "accuracies": (100 * hits.mean(1)).tolist(),
        "lost": [100 * bound for bound in lost],
    }


def _lost(one: Any, kind: str) -> float:
    """Return the loss of accuracy by a corruption in points, mean over its strengths."""
    accuracies = one["corruptions"][kind]["accuracies"]
    return accuracies[0] - float(np.mean(accuracies[1:]))


def _lost_on_average(one: Any) -> float:
    return float(np.mean([_lost(one, kind) for kind in one["corruptions"]]))


def _kept(one: Any, kind: str, numbers: Numbers) -> float:
    """Return the remaining share of the accuracy above guessing, percent, mean over strengths."""
    accuracies = np.array(one["corruptions"][kind]["accuracies"]) - (100 - chance(numbers))
    return float(100 * accuracies[1:].mean() / max(accuracies[0], 1e-9))


def findings(numbers: Numbers) -> list[Finding]:
    """Return for each corruption whether the residual twin loses less, in points and relative to clean accuracy."""
    grouped, found = by_network(numbers), []
    for kind in kinds(numbers):
        claim = f"{kind.capitalize()} costs a residual network less accuracy than its plain twin"
        found += twins_judged(claim, "–", grouped, lambda one, kind=kind: _lost(one, kind), "below", MATTERS)
    for kind in kinds(numbers):
        claim = f"Under {kind} a residual network keeps a larger share of its accuracy than its plain twin"
        unit = "% of the accuracy above guessing"
        found += twins_judged(claim, "–", grouped, lambda one, kind=kind: _kept(one, kind, numbers), "above",
                              MATTERS, unit=unit)  # fmt: skip
    claim = "Averaged over all corruptions a residual network loses less accuracy than its plain twin"
    found += twins_judged(claim, "popular accounts", grouped, lambda one: _lost_on_average(one), "below", MATTERS)
    if not found:
        one = next(iter(numbers["subjects"].values()))
        for kind in kinds(numbers):
            effect = Interval(*one["corruptions"][kind]["lost"])
            found.append(judged(f"{kind.capitalize()} costs the model accuracy", "–", effect, "above", MATTERS))
    return found


def answer(numbers: Numbers) -> str:
    """Report the cost of each corruption, and where the twins differ."""
    grouped = by_network(numbers)
    costs = [
        f"{named(name)} loses "
        + ", ".join(f"{np.mean([_lost(one, kind) for one in seeds]):.1f} points to {kind}" for kind in kinds(numbers))
        for name, seeds in grouped.items()
    ]
    judged_twins = [finding for finding in findings(numbers) if "plain twin" in finding.claim]
    if not judged_twins:
        return f"Averaged over strengths, {'; '.join(costs)}."
    counts = {v: sum(f.verdict == v for f in judged_twins) for v in MARKS}
    words = "; ".join(f"{verdict}: {count} of {len(judged_twins)}" for verdict, count in counts.items() if count)
    return f"Averaged over strengths, {'; '.join(costs)}. The residual twin is more robust: {words}."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw accuracy over the strength of each corruption."""
    grouped = by_network(numbers)
    return [
        Drawing(
            kind,
            line_panel(
                Panel(
                    kind.capitalize(),
                    CORRUPTIONS[kind].strength,
                    "accuracy, %",
                    lines_of(
                        grouped,
                        lambda one, kind=kind: one["corruptions"][kind]["strengths"],
                        lambda one, kind=kind: one["corruptions"][kind]["accuracies"],
                    ),
                    level=(100 - chance(numbers), "guessing"),
                    top=100,
                )
            ),
            f"Accuracy of each network over the strength of {kind}.",
            CAPTION,
        )
        for kind in kinds(numbers)
    ]


def tables(numbers: Numbers) -> list[Table]:
    """Return clean accuracy and the accuracy under each corruption, mean over its strengths."""
    rows = []
    for network, seeds in by_network(numbers).items():
        clean = [next(iter(one["corruptions"].values()))["accuracies"][0] for one in seeds]
        left = [
            [one["corruptions"][kind]["accuracies"][0] - _lost(one, kind) for one in seeds] for kind in kinds(numbers)
        ]
        rows.append([network, spread(clean), *(spread(column) for column in left)])
    count = next(iter(numbers["subjects"].values()))["pictures"]
    caption = f"Accuracy, percent, on {count} images of {numbers['data']}: clean, and the mean over each strength."
    return [Table(["network", "clean", *kinds(numbers)], rows, f"{caption} Mean and deviation over seeds.")]
