"""Ensembles: how much do more views of an image, and more networks, add to one network's accuracy?

Command    residuum study ensembles (--runs FOLDER for trained runs, such as a recipe's)

Members differ only in their seed; an ensemble of n averages the class probabilities of the first n. The interval of an
ensemble is over test images (bootstrap), the interval of single networks over seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation import VIEWS, Predictions, combine, predictions_of
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..settings.file import read_settings
from ..training.run import CONFIG
from .form import Members, Numbers, Options, Workspace
from .members import twins
from .statistics import Interval, Matters, bootstrap, judged, judged_pairs, spread

QUESTION = "How much do further views of an image, and further networks, add to the accuracy of one network?"
SOURCE = (
    "He et al. 2015, arXiv:1512.03385, tables 4 and 5 (ImageNet: 4.49 % top-5 error of the best single model, 3.57 % "
    "of six); Krizhevsky et al. 2012 on ten crops"
)
COST = "about two minutes on two cores: three runs of 15 epochs on the digits"
EXPECTED = "More views and more networks predict better, each further network by less than the previous one."
DEFAULTS = Options(depths=(20,), seeds=3)
SHOWN_AS = ("centre", "flip", "ten-crop", "multi-scale")
SCALES = (28, 32, 36)  # shorter sides for 32x32 images; proportional for others
CHOICES = SHOWN_AS  # of --only: views
PUBLISHED = {"ten-crop": "He15 tables 3 and 4: ten crops are usual", "multi-scale": "He15 section 3.4", "flip": "–"}
MATTERS = Matters(0.3, "chosen here: twice the deviation between seeds that He15 reports (0.16 points)")
LOOKS = ("blue", "green", "ochre", "purple")


def members(options: Options) -> Members:
    """Return residual networks of the first depth: ``residual-20-seed0``, ...

    In a folder whose runs have other names, such as a recipe's, all runs are members, whatever their settings.
    """
    runs = sorted(Path(options.runs).glob(f"*/{CONFIG}")) if options.runs else []
    if runs and not any(path.parent.name.startswith(("plain-", "residual-")) for path in runs):
        return {path.parent.name: {"data": options.data, "epochs": read_settings(path).epochs} for path in runs}
    first = options.depths[:1]
    seeds = range(options.seeds_at(first[0]))
    chosen = twins(Options(**{**vars(options), "depths": first}), seeds=seeds)
    return {name: settings for name, settings in chosen.items() if name.startswith("residual")}


def measure(work: Workspace) -> Numbers:
    """Return the hits of each view: for every network alone, and for the first n averaged."""
    views = [view for view in SHOWN_AS if not work.options.only or view in ("centre", *work.options.only)]
    found = {view: work.keep(f"ensembles-{view}", lambda view=view: _of_view(work, view)) for view in views}
    return {"data": work.options.data, "networks": list(work.histories), "views": found}


def _of_view(work: Workspace, view: str) -> Numbers:
    dataset = work.dataset()
    side = min(dataset.image_size)
    scales = tuple(round(scale * side / SCALES[1]) for scale in SCALES) if VIEWS[view].dense else ()
    said = [predictions_of(work.model(name), dataset, views=view, scales=scales) for name in work.histories]
    together = [_hits(combine(said[: count + 1])) for count in range(len(said))]
    first = _hits(said[0])
    gains = [bootstrap(100.0 * (hits - first)) for hits in together]
    return {
        "alone": [100 * float(_hits(one).mean()) for one in said],
        "together": [list(bootstrap(100.0 * hits)) for hits in together],
        "gain": [list(gain) for gain in gains],
    }


def _hits(said: Predictions) -> np.ndarray:
    """Return 1 where the likeliest class is right, else 0: [images]."""
    return (said.log_probabilities.argmax(1) == said.labels).double().numpy()


def findings(numbers: Numbers) -> list[Finding]:
    """Judge each view against the centre crop by seed, and the whole ensemble against one network by image."""
    alone = {view: np.array(found["alone"]) for view, found in numbers["views"].items()}
    found = [
        judged_pairs(f"Showing images as {view} predicts better than once", PUBLISHED[view],
                     alone[view] - alone["centre"], "above", MATTERS, unit="points of test accuracy")
        for view in alone if view != "centre"
    ]  # fmt: skip
    count = len(numbers["networks"])
    for view, one in numbers["views"].items():
        if count > 1:
            claim = f"{count} networks averaged predict better than the first of them ({view})"
            gain, unit = Interval(*one["gain"][-1]), "points of test accuracy, interval over images"
            found.append(judged(claim, "He15 tables 4 and 5: 3.57 % against 4.49 %", gain, "above", MATTERS, unit=unit))
    return found


def answer(numbers: Numbers) -> str:
    """Report the accuracy of one network and of the ensemble, for each view."""
    count = len(numbers["networks"])
    said = [
        f"{view} {np.mean(one['alone']):.2f} % alone and {one['together'][-1][0]:.2f} % with {count} averaged"
        for view, one in numbers["views"].items()
    ]
    return f"Test accuracy by view: {'; '.join(said)}."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw accuracy over the number of networks, a line for each view."""
    lines = [
        Line(view, list(range(1, 1 + len(one["together"]))), [[row[0] for row in one["together"]]], look)
        for (view, one), look in zip(numbers["views"].items(), LOOKS, strict=False)
    ]
    panel = Panel("Accuracy of an ensemble", "networks averaged", "test accuracy, %", lines, form="{:.2f}")
    return [Drawing("ensembles", line_panel(panel), "Test accuracy over the number of networks, a line for each view.")]


def tables(numbers: Numbers) -> list[Table]:
    """Return single networks, and each ensemble with its interval."""
    rows: list[list[Any]] = []
    for view, one in numbers["views"].items():
        rows.append([view, spread(one["alone"], 2), *(Interval(*row).text(3) for row in one["together"])])
    header = ["view", "one network", *(f"first {n}" for n in range(1, 1 + len(numbers["networks"])))]
    caption = (
        f"Test accuracy on {numbers['data']}, percent: single networks with their deviation over seeds, and the first "
        "n averaged with 95 % intervals over images."
    )
    return [Table(header, rows, caption)]
