"""Data need: do networks without shortcuts need more images?

Command    residuum study data-need
"""

from __future__ import annotations

import math

import numpy as np

from ..data import open_data
from ..report.lines import TWIN_LOOKS, Line, Panel, line_panel
from ..report.study_page import SHOWN, Drawing, Finding, Table
from .curves import accuracy_table, against, gathered, last, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .members import MODELS
from .statistics import Interval, Matters, judged_pairs, paired_difference

QUESTION = "Does a network without shortcuts need more images than its residual twin to reach the same accuracy?"
SOURCE = "popular accounts; twins as in He et al. 2015, arXiv:1512.03385, section 4.2"
COST = "about five minutes on two cores: 30 runs on parts of the digits"
EXPECTED = "The plain twin loses more of its validation accuracy as training images become fewer."
DEFAULTS = Options(depths=(20,), epochs=10)
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
PERCENTS = ("1", "3", "10", "30", "100")
CHOICES = PERCENTS  # of --only: percents of the images, which override SHARES
MATTERS = Matters(2.0, "chosen here: about what depth is worth on CIFAR-10 (He15 table 6: 1.78 points)")
MOST_EPOCHS = 8  # times the epochs of the whole set: with very few images, validation would dominate the cost


def members(options: Options) -> Members:
    """Return twins of the first depth on each part, with as many epochs as give the same number of image views."""
    whole, source = len(open_data(options.data).train), options.data.split("[:")[0]
    val = options.data.partition(",:")[2].rstrip("]")
    conditions = {}
    for kind, model in MODELS.items():
        for share in [int(percent) / 100 for percent in options.only] or SHARES:
            pictures = max(2 * len(open_data(source).classes), round(share * whole))
            part = f"{source}[:{pictures},:{val}]" if val else f"{source}[:{pictures}]"
            times = whole / pictures if options.only else min(MOST_EPOCHS, whole / pictures)
            epochs = math.ceil(options.training["epochs"] * times)
            conditions[f"{kind}-{pictures}"] = {
                "model": model,
                "model_arguments": {"depth": options.depths[0]},
                "data": part,
                "epochs": epochs,
                "batch_size": min(options.batch_size, pictures),
                **({"validate_every": math.ceil(times), "choose": "last"} if options.only else {}),
            }
    return of_conditions(conditions, options)


def measure(work: Workspace) -> Numbers:
    """Gather the curves."""
    return {**gathered(work), "depth": work.options.depths[0]}


def sizes(numbers: Numbers) -> list[int]:
    """Return the numbers of training images, ascending."""
    return sorted({int(name.split("-")[1]) for name in numbers["curves"]})


def gap(numbers: Numbers, pictures: int) -> np.ndarray:
    """Validation accuracy of the residual twin minus the plain twin's, [seeds], in points."""
    return against(numbers, f"residual-{pictures}", f"plain-{pictures}")


def widening(numbers: Numbers) -> Interval:
    """The gap with the fewest images minus the gap with all, paired by seed, in points."""
    few, all_of_them = sizes(numbers)[0], sizes(numbers)[-1]
    return paired_difference(gap(numbers, few), gap(numbers, all_of_them))


def findings(numbers: Numbers) -> list[Finding]:
    """Judge the gap at each size, and whether it widens."""
    few, whole = sizes(numbers)[0], sizes(numbers)[-1]
    found = [
        judged_pairs(
            f"With {pictures:,} images the residual twin does better",
            "–",
            gap(numbers, pictures),
            "above",
            MATTERS,
            unit="points of validation accuracy",
        )
        for pictures in sizes(numbers)
    ]
    claim = f"Its lead is larger with {few:,} images than with {whole:,}: the plain twin needs more data"
    pairs = gap(numbers, few) - gap(numbers, whole)
    return [*found, judged_pairs(claim, "popular accounts", pairs, "above", MATTERS)]


def answer(numbers: Numbers) -> str:
    """Report whether the lead widens as the number of images falls."""

    def sentence() -> str:
        few, whole, wider = sizes(numbers)[0], sizes(numbers)[-1], widening(numbers)
        leads = [pictures for pictures, finding in zip(sizes(numbers), findings(numbers), strict=False)
                 if finding.verdict == SHOWN]  # fmt: skip
        plain = f"The plain network of {numbers['depth']} layers"
        where = f"the residual twin leads at {_listed(leads)} images" if leads else "the residual twin leads nowhere"
        if wider.above(0):
            return f"{plain} needs more data: {where}, by {wider} points more at {few:,} than at {whole:,}."
        if wider.below(0):
            return (
                f"{plain} needs no more data: {where}, but its lead is smaller at {few:,} images than at {whole:,} "
                f"({wider} points)."
            )
        return (
            f"That {plain[0].lower()}{plain[1:]} needs more data is not shown: {where}, and from {whole:,} down to "
            f"{few:,} its lead changes by {wider} points."
        )

    return one_sentence(numbers, sentence)


def _listed(values: list[int]) -> str:
    words = [f"{value:,}" for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw validation accuracy by number of images."""
    lines = [
        Line(
            kind,
            sizes(numbers),
            np.array([last(numbers, f"{kind}-{pictures}", "val_acc1") for pictures in sizes(numbers)]).T.tolist(),
            look=TWIN_LOOKS[kind],
        )
        for kind in MODELS
    ]
    panel = Panel("Accuracy by number of images", "training images (log scale)", "validation accuracy, %", lines)
    figure = line_panel(panel)
    figure.axes[0].set_xscale("log", base=2)
    figure.axes[0].set_xticks(sizes(numbers), [f"{pictures:,}" for pictures in sizes(numbers)])
    return [Drawing("data-need", figure, "Validation accuracy of twins over the number of training images.")]


def tables(numbers: Numbers) -> list[Table]:
    """Return the accuracies."""
    return [accuracy_table(numbers)]
