"""Paths: which path lengths carry a residual network's gradient?

Command    residuum study paths (--model FILE for the user's own network)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from ..analysis.gradient_flow import row_and_slope
from ..analysis.paths import binomial, effective_depth, gradient_by_length, sampled_norms, shares
from ..analysis.sample import take_sample
from ..data import Dataset
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import generator
from .form import Members, Numbers, Options, Workspace
from .members import twins
from .statistics import Matters, judged_pairs, spread

QUESTION = (
    "A network of n residual blocks can be read as a sum over 2^n paths. Through paths of which length does its "
    "gradient flow back: through those of about n / 2 blocks, the most frequent ones, or through short ones?"
)
SOURCE = "Vei16 (arXiv:1605.06431), section 5, figure 6: ResNet-110 on CIFAR-10, paths of 5 to 17 of 54 blocks"
COST = "about two minutes on two cores: six residual networks of 10 epochs on the digits"
EXPECTED = "longer single paths carry less gradient, and most of the gradient comes through short paths."
DEFAULTS = Options(depths=(20, 56), epochs=10)

PICTURES = 16
SAMPLES = 6  # paths of each length
LENGTHS = 8  # number of sampled lengths
BLOCK = Matters(1.0, "chosen here: one block")
SLOPE = Matters(0.05, "chosen here: a ninth less with every block")
CAPTION = (
    "A line is the mean over seeds, of a single model over samples of images; its shade reaches from the lowest to "
    "the highest."
)


def members(options: Options) -> Members:
    """Return residual networks of every depth and seed."""
    return {} if options.model else {name: row for name, row in twins(options).items() if name.startswith("residual")}


def watch(model: nn.Module, dataset: Dataset, epoch: int) -> dict[str, Any]:
    """Return the exact share of each length before training."""
    return lengths(model, dataset) if epoch == 0 else {}


def lengths(model: nn.Module, dataset: Dataset, seed: int = 0) -> dict[str, Any]:
    """Return the share of the gradient through paths of each length, and single paths' sizes by length.

    Shares are exact: the norm of the sum of all paths of a length, over the sum of these norms. Single paths are drawn
    at random, some of each of a few lengths; ``single`` is their mean norm relative to the path of length 0. The seed
    determines images, directions and paths.
    """
    sample = take_sample(model, dataset, count=PICTURES, split="train", seed=seed)
    row, slope, _ = row_and_slope(model, next(sample.images()), seed=seed)
    wanted = sorted({round(n) for n in np.linspace(0, len(row), min(LENGTHS, len(row) + 1))})
    single = sampled_norms(row, slope, wanted, generator(seed, "study", 2), SAMPLES)
    first = single[0] or 1.0
    return {
        "shares": shares(gradient_by_length(row, slope)),
        "single": {str(length): norm / first for length, norm in single.items()},
    }


def measure(work: Workspace) -> Numbers:
    """Return shares and single paths of each network, new and trained."""
    if work.options.model:
        samples = [
            work.keep(f"own-{seed}", lambda seed=seed: lengths(work.model(), work.dataset(), seed))
            for seed in range(work.options.seeds)
        ]
        return {"data": work.options.data, "networks": {"model": {"trained": samples}}}
    networks: dict[str, dict[str, list[Any]]] = {}
    for name in work.histories:
        held = networks.setdefault(name.rpartition("-seed")[0], {"new": [], "trained": []})
        held["new"].append({key: work.watched(name)[0][key] for key in ("shares", "single")})
        held["trained"].append(work.keep(f"paths-{name}", lambda name=name: lengths(work.model(name), work.dataset())))
    return {"data": work.options.data, "networks": networks}


def findings(numbers: Numbers) -> list[Finding]:
    """Judge which lengths carry the gradient, and how single paths depend on length."""
    found = []
    for name, states in numbers["networks"].items():
        for state, seeds in states.items():
            blocks = len(seeds[0]["shares"]) - 1
            mean = np.array([effective_depth(one["shares"]) for one in seeds])
            published = "Vei16 figure 6: trained, 5 to 17 of 54 blocks carry it" if state == "trained" else "–"
            claim = f"{name}, {state}: the gradient comes through paths shorter than n / 2 = {blocks / 2:g} blocks"
            words = {"unit": f"blocks, mean length less {blocks / 2:g}", "matters": BLOCK}
            found.append(judged_pairs(claim, published, mean - blocks / 2, "below", **words))
        slopes = np.array([_slope(one) for one in states["trained"]])
        claim = f"{name}, trained: longer single paths carry less gradient"
        unit = "decades of size a block"
        published = "Vei16 figure 6: falls exponentially"
        found.append(judged_pairs(claim, published, slopes, "below", SLOPE, unit=unit))
        if "new" in states:
            new, trained = (np.array([effective_depth(one["shares"]) for one in states[s]]) for s in ("new", "trained"))
            claim = f"{name}: training shortens the paths that carry the gradient"
            found.append(judged_pairs(claim, "–", trained - new, "below", BLOCK, unit="blocks of mean length"))
    return found


def _slope(one: Any) -> float:
    """Return the slope of log10 of single paths' sizes over their length."""
    points = np.array([(int(length), math.log10(norm)) for length, norm in one["single"].items() if norm > 0])
    return float(np.polyfit(points[:, 0], points[:, 1], 1)[0])


def answer(numbers: Numbers) -> str:
    """Report the mean length of the paths that carry the gradient."""
    said = []
    for name, states in numbers["networks"].items():
        seeds = states["trained"]
        blocks = len(seeds[0]["shares"]) - 1
        mean = np.mean([effective_depth(one["shares"]) for one in seeds])
        said.append(f"{mean:.1f} of {blocks} blocks in {'the model' if name == 'model' else name}")
    return (
        f"The paths that carry the gradient of trained networks have a mean length of {'; of '.join(said)}; among all "
        "paths the mean is half of the blocks."
    )


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw shares and counts by length, one figure per network, and single paths' sizes."""
    pictures = []
    for name, states in numbers["networks"].items():
        blocks = len(states["trained"][0]["shares"]) - 1
        x = list(range(blocks + 1))
        lines = [
            Line(f"gradient, {state}", x, [[100 * share for share in one["shares"]] for one in seeds], LOOKS[state])
            for state, seeds in states.items()
        ]
        counts = [100 * count / 2**blocks for count in binomial(blocks)]
        lines.append(Line("number of paths", x, [counts], "muted", dashed=True))
        panel = Panel(f"{name}: paths by length", "blocks passed through the branch", "share, %", lines, form="")
        alt = f"Share of the gradient of {name} by path length, beside the number of paths."
        pictures.append(Drawing(f"shares-{name}", line_panel(panel), alt, CAPTION))
    lines = [
        Line(name, [int(length) for length in states["trained"][0]["single"]],
             [[_decades(norm) for norm in one["single"].values()] for one in states["trained"]],
             ("blue", "green", "purple")[number % 3])
        for number, (name, states) in enumerate(numbers["networks"].items())
    ]  # fmt: skip
    panel = Panel("Single paths of trained networks", "blocks passed through the branch",
                  "log10 of size, against the path of length 0", lines)  # fmt: skip
    return [*pictures, Drawing("single-paths", line_panel(panel), "Size of single paths by length.", CAPTION)]


LOOKS = {"new": "ochre", "trained": "blue"}


def _decades(norm: float) -> float | None:
    return math.log10(norm) if norm > 0 else None


def tables(numbers: Numbers) -> list[Table]:
    """Return mean length, the lengths that carry nine tenths, and the slope of single paths."""
    rows = []
    for name, states in numbers["networks"].items():
        for state, seeds in states.items():
            ends = [_middle(one["shares"]) for one in seeds]
            rows.append([
                f"{name}, {state}",
                str(len(seeds[0]["shares"]) - 1),
                spread([effective_depth(one["shares"]) for one in seeds], 2),
                f"{np.mean([low for low, _ in ends]):.0f} to {np.mean([high for _, high in ends]):.0f}",
                spread([10 ** _slope(one) for one in seeds], 3),
            ])  # fmt: skip
    header = ["network", "blocks", "mean length", "nine tenths", "factor of a single path a block"]
    return [Table(header, rows, f"On {numbers['data']}; mean and standard deviation over seeds.")]


def _middle(found: list[float]) -> tuple[int, int]:
    """Return the lengths between which nine tenths of the gradient lie."""
    summed = torch.tensor(found).cumsum(0)
    return int((summed < 0.05).sum()), int((summed < 0.95).sum())
