"""Causes: do the optimiser, the initial weights or vanishing gradients cause degradation?

Command    residuum study causes
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..data import Dataset, EvaluationLoader, open_data
from ..data.pixels import Normalise
from ..models import build
from ..report.dots import dots
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from ..weights import save
from .curves import accuracy_table, gathered, last, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .members import MODELS
from .statistics import WORTH_OF_DEPTH, judged_pairs, mean_interval

QUESTION = (
    "Do the optimiser, the initial weights or vanishing gradients cause degradation? Does it go away "
    "when any of these is changed?"
)
SOURCE = "popular accounts; He et al. 2015, arXiv:1512.03385, section 4.1, holds vanishing gradients to be unlikely"
COST = "about six minutes on two cores: 96 runs of 6 epochs of 8 and 32 layers on the digits"
EXPECTED = "With He's initialisation and batch norm gradients do not vanish, and plain networks degrade all the same."
DEFAULTS = Options(depths=(8, 32), epochs=6)

# peak rates at which the shallow networks of each kind train
OPTIMISERS = {"sgd": {"batch": 0.1, "none": 0.01}, "adamw": {"batch": 0.003, "none": 0.001}}
INITS = ("he", "small")
NORMS = ("batch", "none")
NAMES = {"batch": "batch norm", "none": "no norm"}
SMALL = 0.01  # standard deviation of all filters, as was usual before 2015 (AlexNet, VGG)
VANISHED = 1e-3  # gradient of the first layer divided by the last layer's
PICTURES = 64  # images to measure the gradient on


def cells() -> list[tuple[str, str, str]]:
    """Return all combinations (optimiser, initialisation, norm)."""
    return list(itertools.product(OPTIMISERS, INITS, NORMS))


def members(options: Options) -> Members:
    """Return plain and residual networks of the first and the last depth in each cell."""
    return of_conditions(
        {
            f"{kind}-{depth}-{optimiser}-{init}-{norm}": {
                "model": MODELS[kind],
                "model_arguments": {"depth": depth, "norm": norm},
                "opt": optimiser,
                "lr": OPTIMISERS[optimiser][norm],
            }
            for kind in MODELS
            for depth in (min(options.depths), max(options.depths))
            for optimiser, init, norm in cells()
        },
        options,
    )


def start(folder: Path, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Set a member's small initial weights; the models themselves draw He's."""
    if name.split("-")[3] != "small":
        return settings
    dataset = open_data(settings["data"])
    arguments = {"in_chans": dataset.channels, "num_classes": len(dataset.classes), **settings["model_arguments"]}
    with drawing(settings["seed"], "init"):
        model = build(settings["model"], **arguments)
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=SMALL)
    path = folder / "initial" / f"{name}.safetensors"
    save(model, path, classes=dataset.classes)
    return {**settings, "weights": str(path)}


def watch(model: nn.Module, dataset: Dataset, epoch: int) -> dict[str, Any]:
    """Return each convolution's gradient norm divided by its weight norm, and the first ratio divided by the last."""
    filters = [layer.weight for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    pixels, labels = next(iter(EvaluationLoader(dataset.train, PICTURES, dataset.image_size)))
    logits = model.train()(Normalise(dataset.mean, dataset.std, "cpu")(pixels))
    gradients = torch.autograd.grad(F.cross_entropy(logits, labels), filters)
    sizes = [gradient.norm() / layer.norm() for gradient, layer in zip(gradients, filters, strict=True)]
    relative = sizes[0] / sizes[-1].clamp(min=1e-30)
    return {
        "gradient_ratio": torch.nan_to_num(relative, nan=0.0, posinf=1e30).item(),
        "gradients": [size.item() if torch.isfinite(size) else None for size in sizes],
    }


def measure(work: Workspace) -> Numbers:
    """Collect curves, and the gradients of the deep networks before training and after each epoch."""
    shallow, deep = min(work.options.depths), max(work.options.depths)
    ratios: dict[str, list[float]] = {}
    throughout: dict[str, list[list[Any]]] = {}
    for name in work.histories:
        kind, depth, *cell = name.rsplit("-seed", 1)[0].split("-")
        if int(depth) == deep:
            key, rows = "-".join([kind, *cell]), work.watched(name)
            ratios.setdefault(key, []).append(rows[0]["gradient_ratio"])
            throughout.setdefault(key, []).append([row.get("gradients") for row in rows])
    return {**gathered(work), "depths": [shallow, deep], "gradient_ratio": ratios, "gradients": throughout}


def effect(numbers: Numbers, kind: str, cell: tuple[str, str, str]) -> np.ndarray:
    """Training accuracy of the deep network minus the shallow one's in that cell, in points: [seeds]."""
    shallow, deep = (last(numbers, "-".join([kind, str(depth), *cell])) for depth in numbers["depths"])
    return deep - shallow


def shown_in(numbers: Numbers, kind: str) -> list[tuple[str, str, str]]:
    """Return the cells where the deep network trains worse, with an interval below zero."""
    return [cell for cell in cells() if mean_interval(effect(numbers, kind, cell)).below(0)]


def factor_effect(numbers: Numbers, place: int) -> np.ndarray:
    """Return a factor's contribution to the plain network's effect of depth, averaged over the others: [seeds]."""
    first, second = (OPTIMISERS, INITS, NORMS)[place]
    means = [
        np.mean([effect(numbers, "plain", cell) for cell in cells() if cell[place] == level], axis=0)
        for level in (first, second)
    ]
    return means[1] - means[0]


FACTORS = ("AdamW in place of SGD", "small weights in place of He's", "no norm in place of batch norm")


def findings(numbers: Numbers) -> list[Finding]:
    """Judge degradation in the cell of the literature, the shortcut, and each suspected cause."""
    usual = ("sgd", "he", "batch")
    plain, saved = effect(numbers, "plain", usual), effect(numbers, "residual", usual) - effect(numbers, "plain", usual)
    everywhere = np.mean([effect(numbers, "plain", cell) for cell in cells()], axis=0)
    found = [
        judged_pairs("With SGD, He's weights and batch norm the deeper plain network trains worse", "He15 figure 6",
                     plain, "below", WORTH_OF_DEPTH, unit="points of training accuracy"),
        judged_pairs("There the shortcut saves it", "He15 figure 6", saved, "above", WORTH_OF_DEPTH),
        judged_pairs("Over all combinations the deeper plain network trains worse", "–", everywhere, "below",
                     WORTH_OF_DEPTH),
    ]  # fmt: skip
    for place, words in enumerate(FACTORS):
        claim = f"{words[0].upper()}{words[1:]} lessens the plain network's loss"
        pairs = factor_effect(numbers, place)
        unit = "points of its effect of depth"
        found.append(judged_pairs(claim, "popular accounts", pairs, "above", WORTH_OF_DEPTH, unit=unit))
    return found


def answer(numbers: Numbers) -> str:
    """Report the number of cells where each kind degrades, and the gradients there."""

    def sentence() -> str:
        plain, residual, total = shown_in(numbers, "plain"), shown_in(numbers, "residual"), len(cells())
        alive = [cell for cell in plain if ratio(numbers, "plain", cell) > VANISHED]
        shallow, deep = numbers["depths"]
        first = (
            f"From {shallow} to {deep} layers the plain network is shown to lose training accuracy in {len(plain)} of "
            f"{total} combinations of optimiser, initial weights and norm, its residual twin in {len(residual)}"
        )
        if not plain:
            return f"{first}."
        return (
            f"{first}; in {len(alive)} of these {len(plain)} the first layer's relative gradient was above "
            f"{VANISHED:g} of the last one's before training, so that it had not vanished."
        )

    return one_sentence(numbers, sentence)


def ratio(numbers: Numbers, kind: str, cell: tuple[str, str, str]) -> float:
    """Return the geometric mean over seeds of the deep network's gradient ratio before training."""
    values = np.maximum(numbers["gradient_ratio"]["-".join([kind, *cell])], 1e-30)
    return float(np.exp(np.log(values).mean()))


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the effect of depth in every cell, for both kinds."""
    drawn = []
    for kind, look in (("plain", "vermilion"), ("residual", "blue")):
        rows = {" ".join(cell): effect(numbers, kind, cell).tolist() for cell in cells()}
        title = f"Effect of depth, {kind} networks"
        figure = dots(rows, title=title, xlabel="points of training accuracy", looks=dict.fromkeys(rows, look),
                      level=(0.0, "none"), limits=(-100, 60))  # fmt: skip
        alt = f"Training accuracy of the deep minus the shallow {kind} network, a row for each combination."
        drawn.append(Drawing(f"causes-{kind}", figure, alt, "Optimiser, initial weights, norm."))
    return [*drawn, *(_gradients(numbers, when) for when in (0, -1) if numbers.get("gradients"))]


def _gradients(numbers: Numbers, when: int) -> Drawing:
    """Draw the gradient of each layer of the deep networks with SGD and He's weights, before or after training."""
    lines = []
    for kind, norm in itertools.product(MODELS, NORMS):
        runs = [run[when] for run in numbers["gradients"].get(f"{kind}-sgd-he-{norm}", []) if run[when]]
        if runs:
            name, look = f"{kind}, {NAMES[norm]}", "vermilion" if kind == "plain" else "blue"
            lines.append(Line(name, list(range(1, 1 + len(runs[0]))), runs, look, dashed=norm == "none"))
    words = "after training" if when else "before training"
    panel = Panel(f"Gradient by layer, {words}", "3x3 layer", "by the weights (log scale)", lines, form="{:.2g}",
                  log=True)  # fmt: skip
    alt = f"Norm of each layer's gradient divided by the norm of its weights, {words}."
    return Drawing(f"causes-gradients-{'end' if when else 'start'}", line_panel(panel), alt, "SGD, He's weights.")


def tables(numbers: Numbers) -> list[Table]:
    """Return effects and gradients by cell, and all accuracies."""
    rows = []
    for cell in cells():
        cols = [f"{mean_interval(effect(numbers, kind, cell)).mean:.1f}" for kind in MODELS]
        rows.append([", ".join(cell), *cols, *(f"{ratio(numbers, kind, cell):.2g}" for kind in MODELS)])
    header = ["optimiser, weights, norm", "plain", "residual", "gradient, plain", "gradient, residual"]
    shallow, deep = numbers["depths"]
    caption = (
        f"Training accuracy of {deep} layers minus {shallow} layers, points, mean over seeds; then, of the {deep} "
        "layers before training, the first convolution's gradient by the last one's, each relative to its weights."
    )
    return [Table(header, rows, caption), accuracy_table(numbers)]
