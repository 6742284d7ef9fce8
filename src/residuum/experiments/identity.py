"""Identity: can a stack of layers learn to copy its input?

Command    residuum study identity

Twins differ only in the addition: the same matrices from the same draws, and batch norm after each matrix, before
the skip joins. Without the norm the residual stream doubles its variance every block and the twins differ in scale; the
images are scaled to a variance of one for the same reason. The residual stack does not start as a copy: each branch
first adds a variance of one, and must learn to add nothing. A plain stack can copy too, since greys are not
negative: ReLUs let them pass, norms give back mean and spread.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import ArrayImages, Dataset
from ..data.loaders import training_batches, training_order
from ..errors import InputError
from ..nn.skips import SkipCell, pick_wiring
from ..optim.optimisers import build_optimiser
from ..optim.schedules import build_schedule
from ..report.lines import TWIN_LOOKS, Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from .form import Members, Numbers, Options, Workspace
from .statistics import Interval, Matters, judged_pairs, paired_difference

QUESTION = "Can a stack of nonlinear layers learn to copy its input, and does a skip that already carries it help?"
SOURCE = "He et al. 2015, arXiv:1512.03385, section 3.1 and 3.2; no figure published"
COST = "about three minutes on two cores: 120 stacks of 2 to 32 layers, 40 epochs of the digits each"
EXPECTED = "The plain stack's error grows with depth; the residual one's does not."
DEFAULTS = Options(depths=(2, 4, 8, 16, 32), epochs=40)
SIDE = 8  # images are averaged to 8x8 grey: 64 units
KINDS = ("plain", "residual")
# the better one for each kind, optimiser and depth counts; a norm's scale must be able to go from 1 to 0
RATES = {"sgd": (1.0, 0.3), "adamw": (0.1, 0.03)}
DOUBLE = Matters(0.3, "chosen here: twice the error")
LENGTH = 2  # layers that a skip spans


def members(options: Options) -> Members:
    """Return none: a stack that copies has no classes, so this study trains its own stacks."""
    if odd := [depth for depth in options.depths if depth % LENGTH]:
        raise InputError(f"depths must be multiples of {LENGTH} here, got {odd[0]}; try {odd[0] + 1}")
    return {}


def measure(work: Workspace) -> Numbers:
    """Train every stack; return its error by kind, optimiser and depth, [seeds] each."""
    dataset, options = work.dataset(), work.options
    train, val = pictures(dataset, "train"), pictures(dataset, "val")
    spread = (train - train.mean(0)).square().mean().sqrt()  # the same variance as a branch's first output
    train, val = train / spread, val / spread
    errors: dict[str, Any] = {kind: {optimiser: {} for optimiser in RATES} for kind in KINDS}
    for kind, optimiser, depth in itertools.product(KINDS, RATES, options.depths):
        found = work.keep(
            f"{kind}-{optimiser}-{depth}",
            lambda kind=kind, optimiser=optimiser, depth=depth: {
                str(rate): [
                    copying_error(kind, depth, optimiser, rate, seed, train, val, options)
                    for seed in range(options.seeds)
                ]
                for rate in RATES[optimiser]
            },
        )
        best = min(found.values(), key=lambda runs: float(np.mean([run["train"] for run in runs])))
        errors[kind][optimiser][str(depth)] = [run["val"] for run in best]
    return {
        "data": options.data,
        "depths": list(options.depths),
        "errors": errors,
        "epochs": options.training["epochs"],
    }


def pictures(dataset: Dataset, split: str) -> Tensor:
    """Return the images as rows of 64 greys in [0, 1]: [images, 64]."""
    images = dataset.train if split == "train" else dataset.val
    if not isinstance(images, ArrayImages):
        raise InputError(
            f"this study needs images held in memory, got files in {images.root}; shrink them to 64 pixels"
        )
    grey = images.pixels.float().mean(1, keepdim=True) / 255
    return F.adaptive_avg_pool2d(grey, SIDE).flatten(1)


def stack(kind: str, depth: int, width: int) -> nn.Module:
    """Build layers of a matrix, batch norm and, except for the last, ReLU; residual ones skip two layers at a time."""
    activations = ["relu"] * (depth - 1) + ["linear"]
    return SkipCell([width] * (depth + 1), pick_wiring(kind, depth, LENGTH), activations, norm=nn.BatchNorm1d)


def copying_error(
    kind: str, depth: int, optimiser: str, rate: float, seed: int, train: Tensor, val: Tensor, options: Options
) -> dict[str, float]:
    """Train a stack to reproduce its input; return the share of the images' variance that it misses.

    The squared error divided by the variance around the mean image: 0 copies, 1 predicts the mean; 1 also for a stack
    that is worse or diverges.
    """
    with drawing(seed, "init"):
        model = stack(kind, depth, train.shape[1])
    steps = build_optimiser(optimiser, model, lr=rate, momentum=0.9, weight_decay=0.0)
    per_epoch, epochs = training_batches(len(train), options.batch_size), options.training["epochs"]
    factor = build_schedule("onecycle", per_epoch * epochs)
    for epoch in range(epochs):
        order = training_order(len(train), seed, epoch)
        for step in range(per_epoch):
            for group in steps.param_groups:
                group["lr"] = group["initial_lr"] * factor(epoch * per_epoch + step)
            batch = train[order[step * options.batch_size : (step + 1) * options.batch_size]]
            loss = F.mse_loss(model(batch), batch)
            steps.zero_grad()
            loss.backward()
            steps.step()
    return {"train": _missed(model.eval(), train), "val": _missed(model.eval(), val)}


@torch.no_grad()
def _missed(model: nn.Module, inputs: Tensor) -> float:
    missed = ((model(inputs) - inputs) ** 2).mean() / ((inputs - inputs.mean(0)) ** 2).mean()
    return float(torch.nan_to_num(missed, nan=1.0).clamp(max=1.0))


def best(numbers: Numbers, kind: str, depth: int) -> np.ndarray:
    """Return the error with the better optimiser of that depth: [seeds]."""
    by_optimiser = [np.array(numbers["errors"][kind][optimiser][str(depth)]) for optimiser in RATES]
    return min(by_optimiser, key=lambda errors: errors.mean())


def growth(numbers: Numbers, kind: str) -> np.ndarray:
    """Return the growth of the error from the shallowest to the deepest stack, in powers of ten: [seeds]."""
    shallow, deep = (best(numbers, kind, end(numbers["depths"])) for end in (min, max))
    return np.log10(deep) - np.log10(shallow)


def findings(numbers: Numbers) -> list[Finding]:
    """Judge the growth of both, and their difference at the greatest depth."""
    shallow, deep = min(numbers["depths"]), max(numbers["depths"])
    apart = np.log10(best(numbers, "plain", deep)) - np.log10(best(numbers, "residual", deep))
    plain = best(numbers, "plain", deep)
    return [
        judged_pairs(f"The plain stack copies worse with {deep} layers than with {shallow}",
                     "He15 section 3.1, suspected", growth(numbers, "plain"), "above", DOUBLE, unit="powers of ten"),
        judged_pairs(f"With {deep} layers the residual stack copies better", "He15 section 3.1, argued",
                     apart, "above", DOUBLE, unit="powers of ten"),
        judged_pairs(f"The plain stack of {deep} layers misses more than a tenth of the variance", "–",
                     plain, "above", Matters(0.05, "chosen here: half the bound"), bound=0.1, unit="of the variance"),
    ]  # fmt: skip


def answer(numbers: Numbers) -> str:
    """Report how well both copy at the greatest depth."""
    deep = max(numbers["depths"])
    plain, residual = best(numbers, "plain", deep), best(numbers, "residual", deep)
    if len(plain) < 2:
        return "One run of each stack shows nothing: give at least two seeds."
    better: Interval = paired_difference(np.log10(plain), np.log10(residual))
    missed = [f"{100 * errors.mean():.3g} %" for errors in (plain, residual)]
    said = f"the plain stack misses {missed[0]} of the variance, the residual one {missed[1]}"
    if better.above(0):
        return f"Through {deep} nonlinear layers {said}: copying is far easier to learn where a skip carries the input."
    if better.below(0):
        return f"Through {deep} nonlinear layers {said}: here the skip makes copying harder."
    return f"Through {deep} nonlinear layers {said}; that the skip helps is not shown."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the error over depth, a figure for each optimiser."""
    drawn = []
    for optimiser in RATES:
        lines = [
            Line(
                kind,
                numbers["depths"],
                (100 * np.array([numbers["errors"][kind][optimiser][str(d)] for d in numbers["depths"]]).T).tolist(),
                TWIN_LOOKS[kind],
            )
            for kind in KINDS
        ]
        title = f"Copying the input, trained by {'SGD' if optimiser == 'sgd' else 'AdamW'}"
        panel = Panel(
            title, "nonlinear layers (log scale)", "variance missed, % (log scale)", lines, form="{:.3g}", log=True
        )
        figure = line_panel(panel)
        (ax,) = figure.axes
        ax.set_xscale("log", base=2)
        ax.set_xticks(numbers["depths"], [str(depth) for depth in numbers["depths"]])
        drawn.append(Drawing(f"identity-{optimiser}", figure, f"{title}: error over depth, plain and residual stacks."))
    return drawn


def tables(numbers: Numbers) -> list[Table]:
    """Return the error of every seed."""
    seeds = len(next(iter(numbers["errors"]["plain"]["sgd"].values())))
    rows = []
    for kind, optimiser, depth in itertools.product(KINDS, RATES, numbers["depths"]):
        errors = 100 * np.array(numbers["errors"][kind][optimiser][str(depth)])
        rows.append([f"{kind}, {optimiser}, {depth} layers", f"{errors.mean():.3g}", *(f"{e:.3g}" for e in errors)])
    caption = (
        f"Variance of held-out images ({numbers['data']}, 8x8 grey) that a stack misses after {numbers['epochs']} "
        "epochs, %; the better of two rates by training error; 100 also where it diverged."
    )
    return [Table(["stack", "mean", *(f"seed {seed}" for seed in range(seeds))], rows, caption)]
