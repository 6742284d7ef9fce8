"""Gradients: do they vanish, explode or shatter with depth, and does training change that?

Command    residuum study gradients
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

from ..analysis.gradient_flow import factor, flow, partners
from ..analysis.sample import take_sample
from ..data import Dataset
from ..models import build
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from .form import Members, Numbers, Options, Workspace
from .members import twins
from .statistics import Matters, judged_pairs, spread

QUESTION = (
    "Does the gradient vanish or explode on its way back through a plain network, and is it the shortcut or the "
    "normalisation that keeps its size? Are gradients at nearby images still similar, and does training change that?"
)
SOURCE = "Bal17 (arXiv:1702.08591), figures 1 and 2; Yang et al. 2019, arXiv:1902.08129; He15 section 4.1"
COST = "about three minutes on two cores: new networks of five depths, and twelve runs of 6 epochs on the digits"
EXPECTED = (
    "new plain networks keep the gradient's size without a norm and let it grow with one; their gradients at nearby "
    "images become dissimilar with depth; residual twins keep more of both."
)
DEFAULTS = Options(depths=(20, 56), epochs=6)

NEW_DEPTHS = (8, 14, 20, 32, 56)  # layers of the new networks
KINDS = {  # name: model, norm, look
    "plain, batch norm": ("cifar_plain", "batch", "vermilion"),
    "plain, no norm": ("cifar_plain", "none", "ochre"),
    "residual, batch norm": ("cifar_resnet", "batch", "blue"),
    "residual, no norm": ("cifar_resnet", "none", "green"),
}
PICTURES = 32
RHO = 0.9
LIKENESS = Matters(0.1, "chosen here: a tenth of the scale of a correlation")
SIZE = Matters(0.05, "Yang et al. 2019: batch norm lets gradients grow by 0.21 a layer; a quarter of it")
CAPTION = "A line is the mean over seeds, its shade reaches from the lowest to the highest."


def members(options: Options) -> Members:
    """Return the twins of every depth and seed, with batch norm."""
    return {} if options.model else twins(options)


def watch(model: nn.Module, dataset: Dataset, epoch: int) -> dict[str, Any]:
    """Return the gradient's flow on a few training images and their partners."""
    sample = take_sample(model, dataset, count=PICTURES, split="train")
    found = flow(model, partners(next(sample.images()), RHO))
    values = {"factor": factor(found.sizes), "likeness": found.likeness, "rope": found.rope}
    finite = {key: value if math.isfinite(value) else None for key, value in values.items()}
    return {**finite, "sizes": [size if math.isfinite(size) else None for size in found.sizes]}


def measure(work: Workspace) -> Numbers:
    """Return the gradient flow of new networks of each kind and depth, and of the members epoch by epoch."""
    if work.options.model:
        return {"data": work.options.data, "new": {}, "trained": {"model": [[_own(work)]]}}
    new = {
        kind: {
            str(depth): work.keep(f"new-{kind}-{depth}".replace(", ", "-").replace(" ", "-"), _new(work, kind, depth))
            for depth in NEW_DEPTHS
            if depth <= max(work.options.depths)
        }
        for kind in KINDS
    }
    trained: dict[str, list[Any]] = {}
    for name in work.histories:
        trained.setdefault(name.rpartition("-seed")[0], []).append(work.watched(name))
    return {"data": work.options.data, "new": new, "trained": trained}


def _new(work: Workspace, kind: str, depth: int) -> Any:
    model, norm, _ = KINDS[kind]

    def compute() -> list[Any]:
        dataset, rows = work.dataset(), []
        sizes: dict[str, Any] = {"in_chans": dataset.channels, "num_classes": len(dataset.classes)}
        for seed in range(work.options.seeds):
            with drawing(seed, "init"):
                network = build(model, depth=depth, norm=norm, **sizes)
            rows.append(watch(network, dataset, 0))
        return rows

    return compute


def _own(work: Workspace) -> dict[str, Any]:
    return work.keep("own", lambda: {"epoch": 0, **watch(work.model(), work.dataset(), 0)})


def findings(numbers: Numbers) -> list[Finding]:
    """Judge size and similarity in new networks, and the effect of training on them."""
    if not numbers["new"]:
        return []
    found = [_size(numbers, "plain, no norm", "below", "popular accounts: gradients of plain networks vanish")]
    found += [_size(numbers, "plain, batch norm", "above", "Yang et al. 2019: they explode, by 1.21 a layer")]
    found += [
        _size(numbers, "residual, batch norm", "below", "Bal17: kept", bound=_factors(numbers, "plain, batch norm"))
    ]
    deepest, shallowest = (end(map(int, numbers["new"]["plain, batch norm"])) for end in (max, min))
    for kind in ("plain, batch norm", "plain, no norm"):
        deep, shallow = (_of_new(numbers, kind, depth, "likeness") for depth in (deepest, shallowest))
        found.append(
            judged_pairs(
                f"New networks, {kind}: gradients at nearby images are less similar with {deepest} layers than with "
                f"{shallowest}", "Bal17: falls as 2^-L", deep - shallow, "below", LIKENESS, unit="of correlation",
            )
        )  # fmt: skip
    for norm in ("batch norm", "no norm"):
        plain, residual = (_of_new(numbers, f"{kind}, {norm}", deepest, "likeness") for kind in ("plain", "residual"))
        claim = f"New networks of {deepest} layers, {norm}: they are more similar with shortcuts than without"
        published = "Bal17: 1/sqrt(L) against 2^-L with batch norm; (3/4)^L against 2^-L without"
        found.append(judged_pairs(claim, published, residual - plain, "above", LIKENESS, unit="of correlation"))
    return found + [_trained(numbers, name) for name in numbers["trained"]]


def _size(numbers: Numbers, kind: str, side: str, published: str, bound: np.ndarray | None = None) -> Finding:
    values = _factors(numbers, kind)
    depth = max(map(int, numbers["new"][kind]))
    if bound is None:
        words = {"below": "falls", "above": "grows"}[side]
        claim, pairs = f"New networks, {kind}: the gradient {words} block by block", values - 1
    else:
        claim = f"New networks, {kind}: it grows less than without shortcuts"
        pairs = values - bound
    unit = "of its size a block, less 1" if bound is None else "of its size a block"
    return judged_pairs(f"{claim} ({depth} layers)", published, pairs, side, SIZE, unit=unit)


def _factors(numbers: Numbers, kind: str) -> np.ndarray:
    return _of_new(numbers, kind, max(map(int, numbers["new"][kind])), "factor")


def _of_new(numbers: Numbers, kind: str, depth: int, figure: str) -> np.ndarray:
    return np.array([row[figure] for row in numbers["new"][kind][str(depth)]], dtype=float)


def _trained(numbers: Numbers, name: str) -> Finding:
    first, last = (np.array([rows[end]["likeness"] for rows in numbers["trained"][name]], float) for end in (0, -1))
    epochs = numbers["trained"][name][0][-1]["epoch"]
    claim = f"{name}: after {epochs} epochs gradients at nearby images are more similar than before training"
    return judged_pairs(claim, "–", last - first, "above", LIKENESS, unit="of correlation")


def answer(numbers: Numbers) -> str:
    """Report the effect of depth on size and similarity."""
    if not numbers["new"]:
        row = numbers["trained"]["model"][0][0]
        return (
            f"The gradient's size changes by a factor of {row['factor']:.3f} a block, and at nearby images gradients "
            f"have a correlation of {row['likeness']:.2f}; {100 * row['rope']:.0f} % of its size comes back through "
            "shortcuts alone."
        )
    depth = max(map(int, numbers["new"]["plain, batch norm"]))
    said = [
        f"{kind}: size times {_factors(numbers, kind).mean():.2f} a block, correlation "
        f"{_of_new(numbers, kind, depth, 'likeness').mean():.2f}"
        for kind in KINDS
    ]
    return f"In new networks of {depth} layers, {'; '.join(said)}."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw size and similarity of new networks by depth, sizes block by block, and similarity and rope by epoch."""
    pictures = []
    if numbers["new"]:
        pictures += [_by_depth(numbers), _by_block(numbers)]
    for figure, title in TITLES.items():
        alt = f"{title} of each network over the epochs."
        panel = Panel(title, "epoch", YLABELS[figure], _over_time(numbers, figure), form="{:.2f}")
        pictures.append(Drawing(f"{figure}-by-epoch", line_panel(panel), alt, CAPTION))
    return pictures


TITLES = {
    "likeness": "Correlation of gradients at nearby images",
    "rope": "The rope: gradient through shortcuts alone",
}
YLABELS = {"likeness": "correlation", "rope": "size, share of the whole gradient's"}


def _by_depth(numbers: Numbers) -> Drawing:
    lines = []
    for kind, rows in numbers["new"].items():
        seeds = zip(*([one["likeness"] for one in row] for row in rows.values()), strict=True)
        lines.append(Line(kind, [int(depth) for depth in rows], [list(one) for one in seeds], KINDS[kind][2]))
    panel = Panel("New networks: gradient similarity", "layers", "correlation at nearby images", lines, form="{:.2f}")
    return Drawing("likeness-by-depth", line_panel(panel), "Correlation over depth, four kinds of networks.", CAPTION)


def _by_block(numbers: Numbers) -> Drawing:
    lines = []
    for kind, rows in numbers["new"].items():
        seeds = [[None if size is None else math.log10(max(size, 1e-30)) for size in reversed(one["sizes"])]
                 for one in rows[max(rows, key=int)]]  # fmt: skip
        lines.append(Line(kind, list(range(len(seeds[0]))), seeds, KINDS[kind][2]))
    depth = max(map(int, numbers["new"]["plain, batch norm"]))
    panel = Panel(f"New networks of {depth} layers: size of the gradient", "blocks it came back through",
                  "log10 of size, against behind the last block", lines)  # fmt: skip
    return Drawing("size-by-block", line_panel(panel), "Size of the gradient block by block, four kinds.", CAPTION)


def _over_time(numbers: Numbers, figure: str) -> list[Line]:
    deepest = max((int(name.split("-")[1]) for name in numbers["trained"] if "-" in name), default=0)
    return [
        Line(name, [row["epoch"] for row in seeds[0]], [[row[figure] for row in rows] for rows in seeds],
             {"plain": "vermilion", "residual": "blue"}.get(name.split("-")[0], "green"),
             dashed=bool(deepest) and name.split("-")[1] != str(deepest))
        for name, seeds in numbers["trained"].items()
        if figure == "likeness" or not name.startswith("plain")
    ]  # fmt: skip


def tables(numbers: Numbers) -> list[Table]:
    """Return factor, similarity and rope of new networks by depth, and of the members before and after training."""
    made = []
    if numbers["new"]:
        rows = [
            [kind, depth, *(spread([one[figure] for one in seeds], 3) for figure in ("factor", "likeness", "rope"))]
            for kind, depths in numbers["new"].items()
            for depth, seeds in depths.items()
        ]
        made.append(Table(["new network", "layers", "factor a block", "correlation", "rope"], rows,
                          "New networks: mean and standard deviation over seeds."))  # fmt: skip
    rows = []
    for name, seeds in numbers["trained"].items():
        for end in dict.fromkeys((0, len(seeds[0]) - 1)):
            values = [spread([row[end][figure] for row in seeds], 3) for figure in ("factor", "likeness", "rope")]
            rows.append([name, str(seeds[0][end]["epoch"]), *values])
    caption = "The networks with batch norm, before and after training; mean and standard deviation over seeds."
    return [*made, Table(["network", "epochs", "factor a block", "correlation", "rope"], rows, caption)]
