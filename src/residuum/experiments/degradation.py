"""Degradation: does a deeper plain network train worse, and its residual twin not?

Command    residuum study degradation (residuum demo shows the same with the digits and a few predictions)
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..report.figures import Series, degradation
from ..report.lines import Line, Panel
from ..report.plots import line_plot
from ..report.study_page import Drawing, Finding, Table
from .form import Members, Numbers, Options, Workspace
from .members import twins
from .statistics import WORTH_OF_DEPTH, Interval, judged_pairs, mean_interval, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = (
    "A deeper network could copy a shallower one and pass its output on, so it should train at least as well. Does it? "
    "And does it when each pair of layers only has to learn what to add to its input?"
)
SOURCE = "He et al. 2015, arXiv:1512.03385, figure 6"
COST = "about a minute on two cores: twelve runs of 15 epochs on the embedded digits"
EXPECTED = (
    "The deepest plain network ends below the shallowest in training accuracy; its residual twin loses less, or gains."
)
DEFAULTS = Options(depths=(20, 56))
KEEPS_EPOCHS = True  # other studies measure these networks epoch by epoch (--runs)

Kind = Literal["plain", "residual"]
KINDS: tuple[Kind, ...] = ("plain", "residual")
FEW = 2  # number of depths per kind that need no extra labels
LOOKS = ("blue", "vermilion", "green", "purple", "ochre")
PARTS = {"train": "training", "val": "test"}
ALT = "Error by epoch of the {kind} networks, a line for each depth."


def members(options: Options) -> Members:
    """Return the twins of every depth and seed."""
    return twins(options)


def measure(work: Workspace) -> Numbers:
    """Collect accuracies in percent by network, [seeds][epochs] each."""
    networks = list(dict.fromkeys(name.rsplit("-", 1)[0] for name in work.histories))

    def curves(figure: str) -> dict[str, list[list[float]]]:
        return {
            network: [
                [row[figure] for row in history]
                for name, history in work.histories.items()
                if name.rsplit("-", 1)[0] == network
            ]
            for network in networks
        }

    return {"data": work.options.data, "train": curves("train_acc1"), "val": curves("val_acc1")}


def findings(numbers: Numbers) -> list[Finding]:
    """Judge both halves of the claim for each deeper depth, on training and on test images."""
    shallow, *deeper = depths(numbers)
    found = []
    for depth in deeper:
        among = f" ({depth} layers against {shallow})" if len(deeper) > 1 else ""
        for part, words in PARTS.items():
            plain, residual = (differences(numbers, kind, depth, part) for kind in KINDS)
            both = min(len(plain), len(residual))
            points = {"unit": f"points of {words} accuracy"}
            does, tells = ("trains", "The shortcut saves it") if part == "train" else (
                "predicts", "On test images, too, the shortcut saves it")  # fmt: skip
            source = "He15 figure 6: {} error of {} {} (CIFAR-10)"
            worse = source.format(words, "plain-56", "above plain-20")
            better = source.format(words, "ResNet-56", "below ResNet-20")
            found += [
                judged_pairs(f"The deeper plain network {does} worse{among}", worse, plain, "below",
                             WORTH_OF_DEPTH, **points),
                judged_pairs(f"{tells}{among}", better, residual[:both] - plain[:both], "above",
                             WORTH_OF_DEPTH, unit="points: residual effect of depth minus the plain one"),
                judged_pairs(f"The deeper residual network {does} better{among}", better, residual, "above",
                             WORTH_OF_DEPTH, **points),
            ]  # fmt: skip
    return found


def answer(numbers: Numbers) -> str:
    """Summarise the numbers in one sentence, which the intervals select."""
    plain, residual, saved = depth_effect(numbers, "plain"), depth_effect(numbers, "residual"), rescue(numbers)
    shallow, deep = depths(numbers)[0], compared(numbers)
    if np.isinf(plain.high):
        return "One run of each network shows nothing: give at least two seeds."
    if not plain.below(0):
        return (
            f"Degradation is not shown here: from {shallow} to {deep} layers the plain network's training accuracy "
            f"changes by {plain} points, an interval that does not lie below zero."
        )
    if not saved.above(0):
        return (
            f"From {shallow} to {deep} layers the plain network loses training accuracy ({plain} points), but that its "
            f"residual twin loses less ({residual}) is not shown."
        )
    if residual.below(0):
        return (
            f"From {shallow} to {deep} layers the plain network loses {-plain} points of training accuracy and its "
            f"residual twin only {-residual}: the same layers, and the shortcut saves {saved}."
        )
    return (
        f"From {shallow} to {deep} layers the plain network loses {-plain} points of training accuracy; its residual "
        f"twin, made of the same layers, shows no such loss ({residual}): the shortcut saves {saved} points."
    )


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw both kinds on one scale, one figure each, so that the page also fits a phone; there may be many depths."""
    return [
        Drawing(
            f"degradation-{kind}",
            degradation(_series(numbers), [kind]),
            ALT.format(kind=kind),
            interactive=_plot(numbers, kind) if len(numbers["train"]) > FEW * len(KINDS) else None,
        )
        for kind in KINDS
    ]


def _plot(numbers: Numbers, kind: Kind) -> dict[str, Any]:
    lines = []
    networks = sorted((series for series in _series(numbers) if series.kind == kind), key=lambda series: series.depth)
    for series, look in zip(networks, cycle(LOOKS)):
        epochs = range(1, 1 + series.train_error.shape[1])
        lines.append(Line(f"{series.name} test", epochs, series.test_error.tolist(), look))
        lines.append(Line(f"{series.name} training", epochs, series.train_error.tolist(), look, dashed=True))
    top = 1.05 * max(float(series.train_error.max()) for series in _series(numbers))  # one scale for both kinds
    return line_plot(Panel(f"{kind.capitalize()} networks", "epoch", "error, %", lines, top=min(100.0, top)))


def both_kinds(numbers: Numbers) -> Figure:
    """Draw plain and residual networks side by side, as He15 figure 6."""
    return degradation(_series(numbers))


def _series(numbers: Numbers) -> list[Series]:
    return [
        Series(name, _depth(name), name.split("-")[0], 100 - np.array(accuracy), 100 - np.array(numbers["val"][name]))
        for name, accuracy in numbers["train"].items()
    ]


def tables(numbers: Numbers) -> list[Table]:
    """Return training and validation accuracy at the last epoch."""
    first = next(iter(numbers["train"].values()))
    most = max(len(seeds) for seeds in numbers["train"].values())
    header = ["network", "training %", "validation %", *(f"seed {seed}" for seed in range(most))]
    rows = []
    for network, train in numbers["train"].items():
        train, val = (np.array(values)[:, -1] for values in (train, numbers["val"][network]))
        each = [f"{a:.1f} / {b:.1f}" for a, b in zip(train, val, strict=True)]
        rows.append([network, spread(train), spread(val), *each, *["–"] * (most - len(each))])
    caption = (
        f"Accuracy after {len(first[0])} epochs on {numbers['data']}, mean and standard deviation over "
        f"{_counts(numbers)} seeds; each seed's training / validation accuracy."
    )
    return [Table(header, rows, caption)]


def depth_effect(numbers: Numbers, kind: Kind) -> Interval:
    """Training accuracy at the last epoch of the deep network minus the shallowest's, by seed, in points."""
    return mean_interval(differences(numbers, kind, compared(numbers)))


def rescue(numbers: Numbers) -> Interval:
    """The residual effect of depth minus the plain effect, paired by seed, in points."""
    plain, residual = (differences(numbers, kind, compared(numbers)) for kind in KINDS)
    both = min(len(plain), len(residual))
    return mean_interval(residual[:both] - plain[:both])


def differences(numbers: Numbers, kind: Kind, depth: int, part: str = "train") -> np.ndarray:
    """Accuracy at the last epoch of that depth minus the shallowest's, for the seeds that both have, in points."""
    ends = [[run[-1] for run in numbers[part][f"{kind}-{one}"]] for one in (depth, depths(numbers)[0])]
    both = min(map(len, ends))
    return np.subtract(*(np.array(end[:both]) for end in ends))


def depths(numbers: Numbers) -> list[int]:
    """Return the depths, ascending."""
    return sorted({_depth(network) for network in numbers["train"]})


def compared(numbers: Numbers) -> int:
    """Return the depth that the answer compares with the shallowest: the deepest one with the most seeds."""
    seeds = {depth: len(numbers["train"][f"plain-{depth}"]) for depth in depths(numbers)[1:] or depths(numbers)}
    return max(seeds, key=lambda depth: (seeds[depth], depth))


def _counts(numbers: Numbers) -> str:
    """Return the number of seeds, or the range from the fewest to the most."""
    counts = sorted({len(seeds) for seeds in numbers["train"].values()})
    return " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))


def _depth(network: str) -> int:
    return int(network.split("-")[1])
