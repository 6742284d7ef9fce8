"""Dynamics: what do skips do during training?

Command    residuum study dynamics
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ..data import Dataset, EvaluationLoader, open_data
from ..data.pixels import Normalise
from ..nn import Network
from ..nn.skips import SkipCell
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import OPPOSITE, SHOWN, Drawing, Finding, Table
from .curves import accuracy_table, epochs_to, gathered, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .statistics import Matters, judged_pairs, mean_interval, paired_difference

QUESTION = (
    "During training, do the weights come to favour the skip over the parallel layer? Do networks with skips "
    "learn faster, and do plain ones use more of the feature space?"
)
SOURCE = "popular accounts of skip connections; no figure published"
COST = "about a minute on two cores: 15 runs of 20 epochs of fully connected networks on the digits"
EXPECTED = (
    "The norm of learnt skips grows relative to the normal matrices; residual networks reach an accuracy in fewer "
    "epochs; the features of plain ones fill more dimensions."
)
DEFAULTS = Options(depths=(14,), epochs=20, seeds=5)
RATE = 0.02  # without norms, 0.1 is too large
LEVEL = 50.0  # training accuracy, percent
WIRINGS = {"plain": "vermilion", "residual": "blue", "learnt": "green"}
PICTURES = 512  # images to measure features on


def members(options: Options) -> Members:
    """Return fully connected networks of the first depth: plain, with identity skips, with learnt skips past two."""
    dataset = open_data(options.data)
    shared = {"depth": options.depths[0], "in_chans": dataset.channels, "image_size": dataset.image_size[0]}
    return of_conditions(
        {
            wiring: {"model": "skip_mlp", "model_arguments": {**shared, "wiring": wiring}, "lr": RATE}
            for wiring in WIRINGS
        },
        options,
    )


def watch(model: nn.Module, dataset: Dataset, epoch: int) -> dict[str, Any]:
    """Return the ratio of skip to normal matrix norms where skips are learnt, and the features' participation ratio."""
    if not isinstance(model, Network) or not isinstance(cell := next(iter(model.stages)), SkipCell):
        return {}
    seen: dict[str, Any] = {"participation": participation(_features(model, dataset))}
    pairs = [
        (skip.weight.norm().item(), normal.weight.norm().item())
        for normal, sources in zip(cell.normal, cell.sources, strict=True)
        for skip in (cell.skips[f"{source}_{_target(cell, sources)}"] for source in sources)
        if isinstance(skip, nn.Linear) and isinstance(normal, nn.Linear)
    ]
    if pairs:
        seen["skip_to_normal"] = float(np.mean([skip / normal for skip, normal in pairs]))
    return seen


def _target(cell: SkipCell, sources: Sequence[int]) -> int:
    return next(layer for layer, known in enumerate(cell.sources, start=1) if known is sources)


@torch.no_grad()
def _features(model: Network, dataset: Dataset) -> torch.Tensor:
    """Return the last hidden layer's output for the first validation images: [images, units]."""
    pixels, _ = next(iter(EvaluationLoader(dataset.val, PICTURES, dataset.image_size)))
    return model.eval().forward_features(Normalise(dataset.mean, dataset.std, "cpu")(pixels))


def participation(features: torch.Tensor) -> float:
    """Return (sum of l)^2 / sum of l^2 over the eigenvalues l of the features' covariance: dimensions in use.

    1 where all features lie on a line, the number of units where all directions vary equally (Gao et al. 2017, the
    participation ratio). Features [images, units]; 0 where nothing varies.
    """
    centred = (features - features.mean(0)).double()
    eigenvalues = torch.linalg.svdvals(centred) ** 2
    total = eigenvalues.sum()
    return float(total**2 / (eigenvalues**2).sum()) if total > 0 else 0.0


def measure(work: Workspace) -> Numbers:
    """Collect curves and watched values, [seeds][epochs + 1] each."""
    watched = {
        key: {
            wiring: [
                [row.get(key) for row in work.watched(name)]
                for name in work.histories
                if name.startswith(f"{wiring}-seed")
            ]
            for wiring in WIRINGS
        }
        for key in ("participation", "skip_to_normal")
    }
    return {**gathered(work), "depth": work.options.depths[0], "watched": watched}


def learnt_gain(numbers: Numbers) -> np.ndarray:
    """Return the increase of the ratio of skip to normal norms during training, in percent: [seeds]."""
    return np.array([rows[-1] for rows in _gains(numbers)])


def _gains(numbers: Numbers) -> list[list[float]]:
    """Return the ratio's change from its start, in percent: [seeds][epochs + 1]."""
    return [[100 * (row / rows[0] - 1) for row in rows] for rows in numbers["watched"]["skip_to_normal"]["learnt"]]


def speed(numbers: Numbers) -> dict[str, list[float]]:
    """Return the epochs to LEVEL of training accuracy by wiring; a run that never reaches it counts all its epochs."""
    found = {}
    for wiring, curves in numbers["curves"].items():
        epochs = epochs_to(curves["train_acc1"], LEVEL)
        found[wiring] = [len(curve) if e is None else e for e, curve in zip(epochs, curves["train_acc1"], strict=True)]
    return found


def ends(numbers: Numbers) -> dict[str, np.ndarray]:
    """Return the participation ratio after the last epoch by wiring: [seeds]."""
    return {wiring: np.array([rows[-1] for rows in numbers["watched"]["participation"][wiring]]) for wiring in WIRINGS}


def findings(numbers: Numbers) -> list[Finding]:
    """Judge the three accounts."""
    gain, fast, spread = learnt_gain(numbers), speed(numbers), ends(numbers)
    faster = np.array(fast["residual"]) - np.array(fast["plain"])
    return [
        judged_pairs("Training amplifies learnt skips against the matrices beside them", "popular accounts",
                     gain, "above", Matters(5.0, "chosen here: a twentieth of that ratio"),
                     unit="% more than the ratio before training"),
        judged_pairs(f"Identity skips reach {LEVEL:g} % of training accuracy in fewer epochs", "popular accounts",
                     faster, "below", Matters(1.0, "chosen here: one epoch"), unit="epochs against plain"),
        judged_pairs("Features of the plain network fill more dimensions", "popular accounts",
                     spread["plain"] - spread["residual"], "above", Matters(1.0, "chosen here: one dimension"),
                     unit="of the participation ratio, against residual"),
    ]  # fmt: skip


def answer(numbers: Numbers) -> str:
    """Report the result for each account."""

    def sentence() -> str:
        gain, fast, spread = learnt_gain(numbers), speed(numbers), ends(numbers)
        verdicts = [finding.verdict for finding in findings(numbers)]
        amplified = {
            SHOWN: f"training amplifies the skips ({mean_interval(gain).text()} %)",
            OPPOSITE: f"training amplifies the normal matrices, not the skips ({mean_interval(gain).text()} %)",
        }.get(verdicts[0], f"that training amplifies the skips is not shown ({mean_interval(gain).text()} %)")
        quick = paired_difference(fast["residual"], fast["plain"])
        quicker = {
            SHOWN: f"skips learn faster: {LEVEL:g} % of the training images by {-quick} epochs sooner",
            OPPOSITE: f"skips learn more slowly, by {quick} epochs",
        }.get(verdicts[1], f"that skips learn faster is not shown ({quick} epochs)")
        more = paired_difference(spread["plain"], spread["residual"])
        explored = {
            SHOWN: f"plain features fill {more} more dimensions",
            OPPOSITE: f"plain features fill {-more} fewer dimensions",
        }.get(verdicts[2], f"that plain features fill more dimensions is not shown ({more})")
        return f"In networks of {numbers['depth']} layers {amplified}; {quicker}; and {explored}."

    return one_sentence(numbers, sentence)


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the norms' ratio, training accuracy and the participation ratio over the epochs."""
    curves, watched = numbers["curves"], numbers["watched"]
    epochs = list(range(1, 1 + len(curves["plain"]["train_acc1"][0])))
    ratio = [Line("learnt", [0, *epochs], _gains(numbers), "green")]
    accuracy = [Line(wiring, epochs, curves[wiring]["train_acc1"], look) for wiring, look in WIRINGS.items()]
    used = [Line(wiring, [0, *epochs], watched["participation"][wiring], look) for wiring, look in WIRINGS.items()]
    panels = {
        "norms": Panel("Skip against normal matrices", "epoch", "ratio of their norms, % above the start", ratio,
                       form="{:.2f}"),
        "accuracy": Panel("Learning", "epoch", "training accuracy, %", accuracy, level=(LEVEL, f"{LEVEL:g} %")),
        "features": Panel("Dimensions in use", "epoch", "participation ratio", used),
    }  # fmt: skip
    return [
        Drawing(f"dynamics-{name}", line_panel(panel), f"{panel.title}: {panel.ylabel} over the epochs.")
        for name, panel in panels.items()
    ]


def tables(numbers: Numbers) -> list[Table]:
    """Return accuracies, speed and spread."""
    fast, spread, gain = speed(numbers), ends(numbers), learnt_gain(numbers)
    rows = [[wiring, _said(fast[wiring]), _said(spread[wiring]), _said(gain) if wiring == "learnt" else "–"]
            for wiring in WIRINGS]  # fmt: skip
    header = ["network", f"epochs to {LEVEL:g} %", "participation ratio", "skip to normal, % more than before"]
    caption = "Mean over the seeds with its 95 % interval; a run that never reaches the accuracy counts all its epochs."
    return [Table(header, rows, caption), accuracy_table(numbers)]


def _said(values: Sequence[float] | np.ndarray) -> str:
    return mean_interval(values).text()
