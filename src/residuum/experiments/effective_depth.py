"""Effective depth: do early epochs use fewer layers than late ones?

Command    residuum study effective-depth
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from ..analysis.gradient_flow import row_and_slope
from ..analysis.paths import effective_depth, gradient_by_length, shares
from ..analysis.sample import take_sample
from ..data import Dataset
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from .form import Members, Numbers, Options, Workspace
from .members import twins
from .statistics import Matters, judged_pairs, spread

QUESTION = (
    "A residual network can start as a shallow one and use more of its layers as it learns. Does it? How many blocks "
    "do the paths that carry the gradient pass, epoch by epoch, from ordinary initial weights and from branches that "
    "start at zero?"
)
SOURCE = "popular accounts of residual networks; path gradients after Vei16 (arXiv:1605.06431), section 5"
COST = "about two minutes on two cores: six networks of 38 layers, 12 epochs on the digits"
EXPECTED = "the effective depth grows during training, from 0 where the branches start at zero."
DEFAULTS = Options(depths=(38,), epochs=12)

PICTURES = 16
STARTS = {"he": False, "zero": True}  # name: whether each branch's last norm starts at scale 0
MATTERS = Matters(1.0, "chosen here: one block more or fewer on the gradient's way")
NAMES = {"he": "ordinary start", "residual": "ordinary start", "zero": "branches start at zero"}
LOOKS = {"he": "blue", "residual": "blue", "zero": "green"}
CAPTION = "A line is the mean over seeds, its shade reaches from the lowest to the highest."


def members(options: Options) -> Members:
    """Return residual networks of every depth, start and seed: ``he-38-seed0``, ``zero-38-seed2``, ...

    For another study's runs, measure the residual twins: ``residual-56-seed0``, ...
    """
    if options.runs:
        return {name: settings for name, settings in twins(options).items() if name.startswith("residual")}
    return {
        f"{start}-{depth}-seed{seed}": {
            "model": "cifar_resnet",
            "model_arguments": {"depth": depth, "zero_gamma": zero},
            "seed": seed,
            **options.training,
        }
        for start, zero in STARTS.items()
        for depth in options.depths
        for seed in range(options.seeds)
    }


def watch(model: nn.Module, dataset: Dataset, epoch: int) -> dict[str, Any]:
    """Return the effective depth in blocks, and the number of blocks."""
    sample = take_sample(model, dataset, count=PICTURES, split="train")
    row, slope, _ = row_and_slope(model, next(sample.images()))
    found = shares(gradient_by_length(row, slope))
    return {"depth": effective_depth(found), "blocks": len(row)}


def measure(work: Workspace) -> Numbers:
    """Return each network's effective depth, [seeds][epochs], the first entry before training, and accuracies."""
    networks: dict[str, Any] = {}
    for name, history in work.histories.items():
        rows = work.watched(name)
        network = networks.setdefault(
            name.rpartition("-seed")[0], {"blocks": rows[0]["blocks"], "depth": [], "train": []}
        )
        network["depth"].append([row["depth"] for row in rows])
        network["train"].append([row["train_acc1"] for row in history])
    return {"data": work.options.data, "networks": networks}


def findings(numbers: Numbers) -> list[Finding]:
    """Judge growth from new to trained networks, and from the first epoch to the last."""
    found = []
    for name, network in numbers["networks"].items():
        depth = np.array(network["depth"])
        for first, words in ((0, "before training"), (1, "after the first epoch")):
            claim = f"{_said(name)}: deeper after {depth.shape[1] - 1} epochs than {words}"
            grown = depth[:, -1] - depth[:, first]
            source, unit = "popular: early training uses few layers", "blocks of effective depth"
            found.append(judged_pairs(claim, source, grown, "above", MATTERS, unit=unit))
    return found


def _said(name: str) -> str:
    start, layers = name.split("-")
    return f"{layers} layers, {NAMES[start]}"


def answer(numbers: Numbers) -> str:
    """Report the change of the effective depth."""
    said = []
    for name, network in numbers["networks"].items():
        depth = np.array(network["depth"]).mean(0)
        said.append(
            f"with {_said(name)}, it goes from {depth[0]:.1f} before training over {depth[1]:.1f} after one epoch to "
            f"{depth[-1]:.1f} of {network['blocks']} blocks"
        )
    return f"The effective depth: {'; '.join(said)}."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the effective depth by epoch."""
    lines = [
        Line(_said(name), list(range(len(network["depth"][0]))), network["depth"], LOOKS[name.split("-")[0]])
        for name, network in numbers["networks"].items()
    ]
    blocks = max(network["blocks"] for network in numbers["networks"].values())
    level = (blocks / 2, "n / 2")
    panel = Panel("Mean length of the paths that carry the gradient", "epoch", "blocks", lines, level=level)
    return [
        Drawing(
            "effective-depth",
            line_panel(panel, width=6.6),
            "Effective depth of each network over the epochs; dotted half of the blocks.",
            CAPTION,
        )
    ]


def tables(numbers: Numbers) -> list[Table]:
    """Return the effective depth before training, after the first and after the last epoch."""
    rows = []
    for name, network in numbers["networks"].items():
        depth, train = np.array(network["depth"]), np.array(network["train"])
        rows.append(
            [_said(name), str(network["blocks"]), *(spread(depth[:, at], 2) for at in (0, 1, -1)), spread(train[:, -1])]
        )
    header = ["network", "blocks", "new", "after 1 epoch", "at the end", "training %"]
    return [Table(header, rows, f"Effective depth in blocks on {numbers['data']}; mean and deviation over seeds.")]
