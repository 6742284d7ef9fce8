"""Lesions: can a trained network work without some of its blocks, or with its blocks in another order?

Command    residuum study lesions [--model FILE --data DATA]

A removed block keeps its place but loses its branch: a residual block passes on its shortcut, a plain block the
identity, or at the stages' borders, where shapes change, option A's shortcut (subsampled, zero-padded). Nothing is
trained after the lesion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import nn

from ..analysis.lesions import (
    block_shapes,
    borders,
    interchangeable,
    kendall_tau,
    random_choices,
    removable,
    removed,
    reordered,
    swapped,
)
from ..analysis.sample import Sample, hits
from ..report.lines import Panel, line_panel
from ..report.study_page import OPPOSITE, SHOWN, Drawing, Finding, Table
from ..seeds import generator
from .form import Numbers, Options, Workspace
from .measuring import CAPTION, by_network, chance, interval, lines_of, measured, members_or_model, named, twins_judged
from .statistics import Matters, bootstrap, judged, mean_interval, spread

QUESTION = (
    "A residual network of n blocks can be read as a sum over 2^n paths, half of which survive the removal of a block. "
    "Does a trained network survive without one of its blocks, without many, or with its blocks in another order? And "
    "its plain twin, which has only one path?"
)
SOURCE = "Vei16 (arXiv:1605.06431), section 4, figures 3 to 6: VGG-15 and ResNet-110 on CIFAR-10"
COST = "about two minutes on two cores: six runs of 15 epochs on the embedded digits, and 90 lesions of each"
EXPECTED = (
    "removing one block leaves a residual network nearly as good and takes its plain twin to chance; error grows "
    "smoothly with the number of blocks that are removed, and with the distance from the trained order."
)
DEFAULTS = Options(data="digits", depths=(20,))

REPEATS = 5  # random lesions of each size
SIZES = 8  # number of sizes between one block and all
SWAPS = (1, 2, 3, 5, 8, 12, 20)
GROUPS = 6  # of permutations in the figure, by distance from the trained order

ERROR = Matters(5.0, "chosen here: Vei16 figure 3 shows tens of points")
SHARE = Matters(0.1, "chosen here: a tenth of the way")
RANK = Matters(0.3, "chosen here: a weak correlation")

members = members_or_model


def measure(work: Workspace) -> Numbers:
    """Return every lesion's error, percent, of each network."""
    return measured(work, "lesions", passes=27 + REPEATS * (SIZES + len(SWAPS)), look=_lesions)


def _lesions(name: str, model: nn.Module, sample: Sample) -> Numbers:
    image = sample.normalise(sample.pixels[:1])
    parts, shapes = removable(model, image), block_shapes(model, image)
    names, groups = list(parts), interchangeable(model, shapes)

    def without(chosen: Sequence[str]) -> float:
        with removed(model, chosen, parts):
            return _error(model, sample)

    sizes = sorted({int(size) for size in np.linspace(1, len(names), SIZES).round()})
    several = {
        str(size): [
            without(random_choices(names, size, generator(0, "lesion", size, repeat))) for repeat in range(REPEATS)
        ]
        for size in sizes
    }
    return {
        "blocks": names,
        "borders": borders(shapes),
        "intact": _error(model, sample),
        "single": {name: without([name]) for name in names},
        "several": several,
        "swapped": _swapped(model, sample, groups) if groups else [],
    }


def _swapped(model: nn.Module, sample: Sample, groups: list[list[str]]) -> list[dict[str, float]]:
    rows = []
    for swaps in SWAPS:
        for repeat in range(REPEATS):
            standing = swapped(groups, swaps, generator(0, "swap", swaps, repeat))
            with reordered(model, standing):
                rows.append({"swaps": swaps, "tau": kendall_tau(model, standing), "error": _error(model, sample)})
    return rows


def _error(model: nn.Module, sample: Sample) -> float:
    return 100 * (1 - hits(model, sample).double().mean().item())


def findings(numbers: Numbers) -> list[Finding]:
    """Return the claims of Vei16, judged."""
    grouped = by_network(numbers)
    found = twins_judged(
        "Removing one block hurts a residual network less than its plain twin",
        "Vei16 figure 3: VGG drops to chance, ResNet hardly changes",
        grouped,
        lambda one: _mean_rise(one),
        "below",
        matters=ERROR,
        unit="points of error, mean over blocks",
    )
    for network, seeds in grouped.items():
        plain = network.startswith("plain")
        each = [share for one in seeds for share in _shares(one, numbers)]
        effect = interval([_mean_share(one, numbers) for one in seeds], each)
        nearer = ("chance", "the intact network") if plain else ("the intact network", "chance")
        claim = f"Without one block {named(network)} is nearer to {nearer[0]} than to {nearer[1]}"
        words: dict[str, Any] = {
            "bound": 0.5,
            "unit": "of the way from intact to chance",
            "pairs": each,
            "matters": SHARE,
        }
        found.append(judged(claim, "Vei16 figure 3", effect, "above" if plain else "below", **words))
    for network, seeds in grouped.items():
        if not network.startswith("plain"):
            found += [_smooth(network, seeds)] + ([_ordered(network, seeds)] if seeds[0]["swapped"] else [])
    return found


def _smooth(network: str, seeds: list[Any]) -> Finding:
    """Judge whether a few removed blocks cost little compared with many: no cliff."""
    first = [np.mean(one["several"][_sizes(one)[1]]) - one["intact"] for one in seeds]
    last = [np.mean(one["several"][_sizes(one)[-1]]) - one["intact"] for one in seeds]
    shares = np.array(first) / np.maximum(last, 1e-9)
    size, blocks = _sizes(seeds[0])[1], len(seeds[0]["blocks"])
    claim = f"{named(network)}: {size} of {blocks} randomly removed blocks cost less than half as much as all of them"
    draws = [
        (error - one["intact"]) / max(high, 1e-9)
        for one, high in zip(seeds, last, strict=True)
        for error in one["several"][size]
    ]
    effect = interval(shares, draws)
    return judged(
        claim, "Vei16 figure 5: smooth growth", effect, "below", SHARE, bound=0.5, unit="of the rise", pairs=draws
    )


def _ordered(network: str, seeds: list[Any]) -> Finding:
    """Judge whether error falls with the similarity of the order, by Spearman's rank correlation of each seed."""
    rows = [np.array([[row["tau"], row["error"]] for row in one["swapped"]]) for one in seeds]
    rho = [_rank_correlation(row) for row in rows]
    effect = mean_interval(rho) if len(seeds) > 1 else bootstrap(rows[0], _rank_correlation, draws=500)
    claim = f"{named(network)}: the further the blocks are from their trained order, the larger the error"
    return judged(claim, "Vei16 figure 6", effect, "below", RANK, unit="(rank correlation of Kendall's tau and error)")


def _rank_correlation(rows: np.ndarray) -> float:
    """Return Spearman's rank correlation of two columns."""
    from scipy import stats

    return float(stats.spearmanr(rows[:, 0], rows[:, 1]).statistic)  # pyright: ignore[reportAttributeAccessIssue]


def _sizes(one: Any) -> list[str]:
    return sorted(one["several"], key=int)


def _mean_rise(one: Any) -> float:
    return float(np.mean(list(one["single"].values())) - one["intact"])


def _shares(one: Any, numbers: Numbers) -> list[float]:
    """Return for each block the error without it, scaled from intact (0) to chance (1)."""
    way = max(chance(numbers) - one["intact"], 1e-9)
    return [(error - one["intact"]) / way for error in one["single"].values()]


def _mean_share(one: Any, numbers: Numbers) -> float:
    return float(np.mean(_shares(one, numbers)))


def answer(numbers: Numbers) -> str:
    """Report the cost of one removed block for each network, and whether the twins differ."""
    grouped = by_network(numbers)
    said = [
        f"{named(network)} goes from {np.mean([one['intact'] for one in seeds]):.1f} % error to "
        f"{np.mean([np.mean(list(one['single'].values())) for one in seeds]):.1f} %"
        for network, seeds in grouped.items()
    ]
    verdict = findings(numbers)[0]
    if not verdict.claim.startswith("Removing one block"):
        return f"Without one block, averaged over blocks, {'; '.join(said)}."
    words = {SHOWN: "the shortcut protects", OPPOSITE: "the shortcut makes it worse"}.get(
        verdict.verdict, "that the shortcut protects is not shown"
    )
    return f"Without one block, averaged over blocks, {'; '.join(said)}: {words} ({verdict.ours})."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw error over the removed block, over the number of removed blocks, and over the similarity of the order."""
    grouped = by_network(numbers)
    level = (chance(numbers), "chance")
    longest = max((seeds[0] for seeds in grouped.values()), key=lambda one: len(one["blocks"]))
    marks = {float(longest["blocks"].index(name) + 1): "border" for name in longest["borders"]}

    def panel(
        title: str, xlabel: str, x: Callable[[Any], Sequence[float]], y: Callable[[Any], Any], **more: Any
    ) -> Panel:
        return Panel(title, xlabel, "error, %", lines_of(grouped, x, y), level=level, top=100, **more)

    one = panel(
        "One block removed",
        "which block, from stem to head (0: none)",
        lambda one: range(len(one["blocks"]) + 1),
        lambda one: [one["intact"], *one["single"].values()],
        marks=marks,
    )
    many = panel(
        "Several blocks removed at random",
        "number of blocks",
        lambda one: [0, *map(int, _sizes(one))],
        lambda one: [one["intact"], *(float(np.mean(one["several"][size])) for size in _sizes(one))],
    )
    pictures = [
        Drawing("one-block", line_panel(one), "Error of each network without one of its blocks.", CAPTION),
        Drawing(
            "several-blocks", line_panel(many), "Error of each network over the number of removed blocks.", CAPTION
        ),
    ]
    if all(seeds[0]["swapped"] for seeds in grouped.values()):
        order = panel(
            "Blocks in another order",
            "1 - Kendall's tau of trained and new order (0: as trained)",
            lambda one: [0.0, *(1 - tau for tau, _ in _by_tau(one))],
            lambda one: [one["intact"], *(error for _, error in _by_tau(one))],
        )
        pictures.append(Drawing("order", line_panel(order), "Error over the similarity of the blocks' order.", CAPTION))
    return pictures


def _by_tau(one: Any) -> list[tuple[float, float]]:
    """Return mean tau and mean error of groups of permutations, starting near the trained order."""
    rows = sorted(((row["tau"], row["error"]) for row in one["swapped"]), reverse=True)
    groups = np.array_split(np.array(rows), GROUPS)
    return [(float(group[:, 0].mean()), float(group[:, 1].mean())) for group in groups]


def tables(numbers: Numbers) -> list[Table]:
    """Return error intact and after each kind of lesion, mean and standard deviation over seeds."""
    rows = []
    for network, seeds in by_network(numbers).items():
        inner = [[error for name, error in one["single"].items() if name not in one["borders"]] for one in seeds]
        at_borders = [[one["single"][name] for name in one["borders"]] for one in seeds]
        half = [one["several"][_sizes(one)[len(_sizes(one)) // 2]] for one in seeds]
        rows.append(
            [
                network,
                spread([one["intact"] for one in seeds]),
                spread([float(np.mean(errors)) for errors in inner]),
                spread([float(np.mean(errors)) for errors in at_borders]) if at_borders[0] else "–",
                spread([max(one["single"].values()) for one in seeds]),
                spread([float(np.mean(errors)) for errors in half]),
            ]
        )
    first = next(iter(numbers["subjects"].values()))
    sizes = _sizes(first)
    header = [
        "network",
        "intact",
        "one block",
        "one at a border",
        "the worst one",
        f"{sizes[len(sizes) // 2]} at random",
    ]
    caption = f"Error, percent, on {first['pictures']} images of {numbers['data']}; mean and deviation over seeds."
    return [Table(header, rows, caption)]
