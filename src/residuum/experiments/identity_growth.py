"""Identity growth: is it cheaper to grow a deep network than to train it from scratch?

Command    residuum study identity-growth
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..models import build
from ..models.counts import count
from ..models.growth import deepen
from ..nn import Network
from ..report.dots import dots
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from ..seeds import drawing
from ..training.run import LAST
from ..weights import load, save
from .curves import against, gathered, last, one_sentence
from .form import Members, Numbers, Options, Workspace
from .members import AFTER, training_seconds
from .statistics import Interval, Matters, judged, judged_pairs, mean_interval, spread

QUESTION = (
    "Is a deep residual network reached more cheaply by training a shallow one and inserting identity blocks than by "
    "training it from scratch?"
)
SOURCE = "the construction of He et al. 2015, arXiv:1512.03385, section 3.1; no figure published there"
COST = "about two minutes on two cores: three chains of 5 + 5 + 5 epochs and three runs of 15 on the digits"
EXPECTED = "The same accuracy in about two thirds of the time."
DEFAULTS = Options(depths=(20, 32, 56), epochs=15)
MARGIN = 2.0  # points of validation accuracy that still count as the same


def members(options: Options) -> Members:
    """Return for each seed a chain of depths, each starting from the previous one, and the last depth from scratch."""
    epochs, depths = options.training["epochs"], options.depths
    if epochs < len(depths):
        raise InputError(f"growing through {len(depths)} depths needs as many epochs, got {epochs}; give more --epochs")
    shares = [epochs // len(depths) + (place < epochs % len(depths)) for place in range(len(depths))]
    chosen: Members = {}
    for seed in range(options.seeds):
        shared = {**options.training, "model": "cifar_resnet", "seed": seed, "lr": _rate(options)}
        before = None
        for depth, share in zip(depths, shares, strict=True):
            waits = {AFTER: before} if before else {}
            before = f"grown-{depth}-seed{seed}"
            chosen[before] = {**shared, "model_arguments": {"depth": depth}, "epochs": share, **waits}
        chosen[f"scratch-{depths[-1]}-seed{seed}"] = {**shared, "model_arguments": {"depth": depths[-1]}}
    return chosen


def _rate(options: Options) -> float:
    """Return the rate of a new network: otherwise initial weights count as fine-tuning, at a tenth of it."""
    return round(0.1 * min(1.0, options.batch_size / 128), 6)


def start(folder: Path, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Start a member of a chain from the grown weights of the previous one."""
    kind, depth, seed = name.split("-")
    chain = sorted(int(path.parent.name.split("-")[1]) for path in folder.glob(f"grown-*-{seed}/{LAST}"))
    before = [shallower for shallower in chain if shallower < int(depth)]
    if kind != "grown" or not before:
        return settings
    model = load(folder / f"grown-{before[-1]}-{seed}" / LAST)
    assert isinstance(model, Network)
    path = folder / "grown" / f"{name}.safetensors"
    with drawing(settings["seed"], "init"):
        save(deepen(model, int(depth)), path)
    return {**settings, "weights": str(path)}


def measure(work: Workspace) -> Numbers:
    """Collect curves, seconds and multiply-accumulates of chains and of runs from scratch."""
    dataset, depths = work.dataset(), work.options.depths

    def macs(depth: int) -> int:
        model = build("cifar_resnet", depth=depth, in_chans=dataset.channels)
        return count(model, (dataset.channels, *dataset.image_size)).macs

    cost = {str(depth): macs(depth) for depth in depths}
    names = {
        way: [[name for name in work.histories if name.startswith(way) and name.endswith(f"-seed{seed}")]
              for seed in range(work.options.seeds)]
        for way in ("grown", "scratch")
    }  # fmt: skip

    def epochs_at_cost(member: str) -> int:
        return cost[member.split("-")[1]] * len(work.histories[member])

    return {
        **gathered(work),
        "depths": list(depths),
        "seconds": {way: [training_seconds(work.members, chain) for chain in chains] for way, chains in names.items()},
        "macs": {way: sum(map(epochs_at_cost, chains[0])) for way, chains in names.items()},
        "chains": {
            way: {
                figure: [[row[figure] for name in chain for row in work.histories[name]] for chain in chains]
                for figure in ("train_acc1", "val_acc1")
            }
            for way, chains in names.items()
        },
    }


def accuracy_effect(numbers: Numbers) -> Interval:
    """Validation accuracy of the grown networks minus the networks from scratch, paired by seed, in points."""
    return mean_interval(_lead(numbers))


def _lead(numbers: Numbers) -> np.ndarray:
    deep = numbers["depths"][-1]
    return against(numbers, f"grown-{deep}", f"scratch-{deep}")


def time_ratio(numbers: Numbers) -> np.ndarray:
    """Seconds of training, grown against from scratch: [seeds]."""
    return np.array(numbers["seconds"]["grown"]) / np.array(numbers["seconds"]["scratch"])


def time_effect(numbers: Numbers) -> Interval:
    """Return the geometric mean of the ratio with its interval, computed on its logarithm."""
    return Interval(*map(math.exp, mean_interval(np.log(time_ratio(numbers)))))


def findings(numbers: Numbers) -> list[Finding]:
    """Judge accuracy and time."""
    return [
        judged_pairs(f"The grown network is at most {MARGIN:g} points less accurate", "–", _lead(numbers), "above",
                     Matters(MARGIN, "the margin of the claim"), bound=-MARGIN,
                     unit="points of validation accuracy against scratch"),
        judged("Growing takes less time", "–", time_effect(numbers), "below",
               Matters(0.05, "chosen here: a twentieth of the time"), bound=1.0,
               unit="times the seconds from scratch", pairs=time_ratio(numbers)),
    ]  # fmt: skip


def answer(numbers: Numbers) -> str:
    """Report the savings and the cost of growing."""

    def sentence() -> str:
        effect, time = accuracy_effect(numbers), time_effect(numbers)
        share = numbers["macs"]["grown"] / numbers["macs"]["scratch"]
        depths = " to ".join(map(str, numbers["depths"]))
        kept = (
            f"reaches better accuracy ({effect} points)" if effect.above(0)
            else f"loses accuracy ({effect} points)" if effect.below(0)
            else f"keeps the accuracy to within {MARGIN:g} points ({effect})" if effect.above(-MARGIN)
            else f"is not shown to keep the accuracy ({effect} points)"
        )  # fmt: skip
        saved = "takes" if time.below(1) or time.above(1) else "takes, with no difference shown,"
        return (
            f"Growing from {depths} layers {kept} and {saved} {time.text()} times the seconds of training from "
            f"scratch, at {share:.2f} times its multiply-accumulates."
        )

    return one_sentence(numbers, sentence)


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw accuracy over the epochs, and time."""
    chains, deep = numbers["chains"], numbers["depths"][-1]
    epochs = list(range(1, 1 + len(chains["scratch"]["val_acc1"][0])))
    lines = [
        Line("grown", epochs, chains["grown"]["val_acc1"], "blue"),
        Line("from scratch", epochs, chains["scratch"]["val_acc1"], "ochre"),
    ]
    marks, passed = {}, 0
    for depth in numbers["depths"]:
        marks[passed + 0.5], passed = (
            f"{depth} layers",
            passed + len(numbers["curves"][f"grown-{depth}"]["val_acc1"][0]),
        )
    panel = Panel(f"Growing to {deep} layers, and {deep} from scratch", "epoch", "validation accuracy, %", lines, marks)
    seconds = dots({"grown": numbers["seconds"]["grown"], "from scratch": numbers["seconds"]["scratch"]},
                   title="Time", xlabel="seconds of training", looks={"from scratch": "ochre"})  # fmt: skip
    return [
        Drawing("identity-growth", line_panel(panel), "Validation accuracy over the epochs, grown and from scratch."),
        Drawing("identity-growth-time", seconds, "Seconds of training of each seed, grown and from scratch."),
    ]


def tables(numbers: Numbers) -> list[Table]:
    """Return accuracy, time and cost."""
    deep = numbers["depths"][-1]
    rows = [
        [way, spread(last(numbers, f"{way}-{deep}", "train_acc1")), spread(last(numbers, f"{way}-{deep}", "val_acc1")),
         spread(numbers["seconds"][way]), f"{numbers['macs'][way] / 1e6:,.0f}"]
        for way in ("grown", "scratch")
    ]  # fmt: skip
    header = ["way", "training %", "validation %", "seconds", "million MACs an image"]
    caption = (
        f"After the last epoch on {numbers['data']}, mean and standard deviation over the seeds; seconds on one "
        "thread; multiply-accumulates of a forward pass, added over the epochs."
    )
    return [Table(header, rows, caption)]
