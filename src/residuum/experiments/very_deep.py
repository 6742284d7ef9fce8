"""Very deep: do networks of more than 100 and more than 1,000 layers train at all?

Command    residuum study very-deep

The loss is averaged over blocks of steps. With one seed its fall has an interval over blocks, which
describes the scatter of this run's loss, not of other runs; with more seeds the interval is over seeds. A
run can resume within an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import Dataset
from ..models import build
from ..report.lines import Line, Panel, line_panel
from ..report.plots import line_plot
from ..report.study_page import SHOWN, Drawing, Finding, Table
from ..training.records import read_numbers
from ..training.run import STEPS, TIMING
from .curves import accuracy_table, gathered, of_conditions
from .form import Members, Numbers, Options, Workspace
from .statistics import Interval, Matters, judged, judged_pairs, mean_interval, spread

QUESTION = "Do residual networks of more than 100 and more than 1,000 layers train, and what does a step cost?"
SOURCE = (
    "He et al. 2015, arXiv:1512.03385, table 6 (110 and 1,202 layers); He et al. 2016, arXiv:1603.05027, table 4 (164 "
    "and 1,001 layers)"
)
COST = "about twenty minutes on two cores: 24 runs of 4 epochs of 640 digits, the deepest of 1,202 layers"
EXPECTED = "The loss of every residual network falls; time and memory grow in proportion to depth."
DEFAULTS = Options(data="digits[:640,:100]", depths=(110, 164, 1001, 1202), epochs=4, batch_size=64)
MATTERS = Matters(0.1, "chosen here: a twentieth of the loss of guessing among ten classes, ln 10 = 2.3 nat")
PREACTIVATION = {164, 1001}  # as He16 built these
PUBLISHED = {
    110: "He15 table 6: 6.43 % test error (6.61 mean of five), warmed up at a tenth of the rate",
    164: "He16 table 4: 5.46 % test error",
    1001: "He16 table 4: 4.92 % test error",
    1202: "He15 table 6: 7.93 % test error, training error below 0.1 %",
}
BLOCKS = 30  # of steps; a block's mean loss is one value
END = 5  # number of first and last blocks to compare
CHECKPOINT = 25  # steps
RATE = 0.02  # from the first step on; He15 warms 110 layers up at 0.01
LOOKS = ("blue", "green", "purple", "ochre")


def members(options: Options) -> Members:
    """Return a residual network of each depth and its plain twin."""
    shared = {"lr": RATE, "checkpoint_every": CHECKPOINT}
    conditions = {f"residual-{depth}": {**_network(depth), **shared} for depth in options.depths}
    return of_conditions(
        conditions | {f"plain-{depth}": {**_twin(depth), **shared} for depth in options.depths}, options
    )


def _network(depth: int) -> dict[str, Any]:
    if depth in PREACTIVATION or depth % 6 != 2:
        return {"model": "cifar_preact_resnet", "model_arguments": {"depth": depth}}
    return {"model": "cifar_resnet", "model_arguments": {"depth": depth}}


def _twin(depth: int) -> dict[str, Any]:
    if _network(depth)["model"] == "cifar_resnet":
        return {"model": "cifar_plain", "model_arguments": {"depth": depth}}
    return {"model": "cifar_preact_resnet", "model_arguments": {"depth": depth, "plain": True}}


def measure(work: Workspace) -> Numbers:
    """Collect curves; a step's seconds per image from the runs, and its bytes kept for the backward pass."""
    dataset, chosen = work.dataset(), members(work.options)
    networks = {
        condition: chosen[f"{condition}-seed0"] for condition in dict.fromkeys(n.rsplit("-", 1)[0] for n in chosen)
    }
    kept = {
        name: work.keep(f"memory-{name}", lambda settings=settings: _saved_a_picture(dataset, settings))
        for name, settings in networks.items()
    }
    seconds = {
        name: [_milliseconds(work, f"{name}-seed{seed}", len(dataset.train)) for seed in range(work.options.seeds)]
        for name in networks
    }
    steps = {name: [_steps(work, f"{name}-seed{seed}") for seed in range(work.options.seeds)] for name in networks}
    return {
        **gathered(work), "kib": kept, "milliseconds": seconds, "classes": len(dataset.classes),
        "steps": max(len(losses) for runs in steps.values() for losses in runs),
        "blocks": {name: [block_means(losses) for losses in runs] for name, runs in steps.items()},
    }  # fmt: skip


def _steps(work: Workspace, member: str) -> list[float]:
    return [row["loss"] for row in read_numbers(work.members / member / STEPS)]


def block_means(losses: Sequence[float]) -> list[float | None]:
    """Return the mean loss of each of BLOCKS blocks of steps, of single steps where there are few; None: not finite."""
    blocks = np.array_split(np.asarray(losses, dtype=float), min(BLOCKS, len(losses))) if len(losses) else []
    return [mean if math.isfinite(mean := float(block.mean())) else None for block in blocks]


def _milliseconds(work: Workspace, member: str, pictures: int) -> float | None:
    """Return the time per image; None where the member diverged before its first epoch's end."""
    seconds = [row["seconds"] for row in read_numbers(work.members / member / TIMING)]
    return 1000 * float(np.mean(seconds)) / pictures if seconds else None


def _said(times: Sequence[float | None], digits: int) -> str:
    return spread(known, digits) if (known := [time for time in times if time is not None]) else "–"


def _saved_a_picture(dataset: Dataset, settings: dict[str, Any]) -> float:
    model = build(settings["model"], **settings["model_arguments"], in_chans=dataset.channels)
    return saved_bytes_a_picture(model, (dataset.channels, *dataset.image_size)) / 1024


def saved_bytes_a_picture(model: nn.Module, shape: tuple[int, ...]) -> float:
    """Return the bytes that each further image [C, H, W] of a batch adds to ``saved_bytes``."""
    few, more = (saved_bytes(model, torch.zeros(pictures, *shape)) for pictures in (2, 4))
    return (more - few) / 2


def saved_bytes(model: nn.Module, images: Tensor) -> int:
    """Return the bytes that a training step keeps from its forward for its backward pass, weights apart.

    Each storage counts once, even if several layers keep it. Images [N, C, H, W] float32.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in [*model.parameters(), *model.buffers()]}
    kept: dict[int, Tensor] = {}  # holding the tensors prevents reuse of their addresses

    def pack(tensor: Tensor) -> Tensor:
        if (address := tensor.untyped_storage().data_ptr()) not in weights:
            kept[address] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = F.cross_entropy(model.train()(images), torch.zeros(len(images), dtype=torch.long))
    del loss
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def fall(numbers: Numbers, network: str) -> np.ndarray:
    """Return the mean loss of the last END blocks minus the first END's: [seeds]; a diverged run counts as 0."""
    return np.array([_fall_of(run) for run in numbers["blocks"][network]])


def _fall_of(blocks: Sequence[float | None]) -> float:
    first, last = _ends(blocks)
    return float(np.mean(last) - np.mean(first)) if len(first) else 0.0


def _ends(blocks: Sequence[float | None]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last END blocks without overlap; none where the loss was not finite."""
    if None in blocks or len(blocks) < 2:
        return np.array([]), np.array([])
    count = min(END, len(blocks) // 2)
    return np.array(blocks[:count], dtype=float), np.array(blocks[-count:], dtype=float)


def fall_interval(blocks: Sequence[float | None]) -> Interval:
    """Return the fall of one run with its 95 % interval over blocks (Welch's t); it does not apply to other runs."""
    from scipy import stats

    first, last = _ends(blocks)
    if len(first) < 2:
        return Interval(_fall_of(blocks), -np.inf, np.inf)
    low, high = stats.ttest_ind(last, first, equal_var=False).confidence_interval(0.95)
    return Interval(_fall_of(blocks), float(low), float(high))


def _above_guessing(numbers: Numbers, network: str) -> Interval:
    """Return the loss of the last END blocks minus guessing's, over seeds, or for one run over blocks."""
    guessing = math.log(numbers["classes"])
    ends = [_ends(run)[1] - guessing for run in numbers["blocks"][network]]
    over = ends[0] if len(ends) == 1 else np.array([end.mean() if len(end) else 0.0 for end in ends])
    return mean_interval(over) if len(over) else Interval(0.0, -np.inf, np.inf)


def findings(numbers: Numbers) -> list[Finding]:
    """Judge for each network whether its loss falls."""
    found = []
    for network in numbers["curves"]:
        kind, depth = network.split("-")
        published = (
            PUBLISHED.get(int(depth), "–") if kind == "residual" else "He15 figure 6: error above 60 % (110 layers)"
        )
        runs, claim = numbers["blocks"][network], f"The training loss of the {kind} network of {int(depth):,} layers"
        alone = " (one run: interval over blocks of its steps)" if len(runs) == 1 else ""
        unit = f"nat from the first to the last blocks of {numbers['steps']:,} steps{alone}"
        if alone:
            found.append(judged(f"{claim} falls", published, fall_interval(runs[0]), "below", MATTERS, unit=unit))
        else:
            found.append(judged_pairs(f"{claim} falls", published, fall(numbers, network), "below", MATTERS, unit=unit))
        below = _above_guessing(numbers, network)
        unit = f"nat at the end against guessing{alone}"
        found.append(judged(f"{claim} ends below that of guessing", published, below, "below", MATTERS, unit=unit))
    return found


def answer(numbers: Numbers) -> str:
    """Report the networks whose loss falls, and the cost of an image in the deepest."""

    def sentence() -> str:
        verdicts = {n: f.verdict for n, f in zip(numbers["curves"], findings(numbers)[::2], strict=True)}
        falls = [f"{int(n.split('-')[1]):,}" for n, v in verdicts.items() if v == SHOWN and n.startswith("residual")]
        not_shown = [n for n, v in verdicts.items() if v != SHOWN]
        networks = sorted((n for n in verdicts if n.startswith("residual")), key=lambda n: int(n.split("-")[1]))
        deepest = networks[-1]
        cost = (
            f"an image costs {_said(numbers['milliseconds'][deepest], 1)} ms of one thread and "
            f"{numbers['kib'][deepest] / 1024:.2f} MiB kept for the backward pass in the deepest"
        )
        first = (
            f"The loss of the residual networks of {', '.join(falls)} layers falls"
            if falls
            else "No loss is shown to fall"
        )
        rest = f", that of {', '.join(not_shown)} is not shown to" if falls and not_shown else ""
        return f"{first}{rest}; {cost}."

    return sentence()


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the training loss over the steps, and cost over depth."""
    curves = numbers["curves"]
    residual = [name for name in curves if name.startswith("residual")]
    looks = {**{name: LOOKS[place % len(LOOKS)] for place, name in enumerate(residual)}}
    lines = [
        Line(name, _ends_of_blocks(numbers, runs), runs, looks.get(name, "vermilion"), dashed=name not in looks)
        for name, runs in numbers["blocks"].items()
        if len({len(run) for run in runs}) == 1 and runs[0]
    ]
    level = (math.log(numbers["classes"]), "guessing")
    loss = Panel("Training loss", "step", "cross-entropy", lines, level=level, form="{:.2f}")
    by_depth = sorted(residual, key=_depth)
    depths = [_depth(name) for name in by_depth]
    times = [list(seed) for seed in zip(*(numbers["milliseconds"][name] for name in by_depth), strict=True)]
    time = Panel("Time of a training step", "layers", "ms an image, one thread", [Line("time", depths, times)])
    memory = [Line("memory", depths, [[numbers["kib"][name] / 1024 for name in by_depth]], "green")]
    kept = Panel("Memory of a training step", "layers", "MiB an image, float32", memory, form="{:.2f}")
    return [
        Drawing(
            "very-deep-loss",
            line_panel(loss),
            "Training loss over the steps, means over blocks of them, a line for each depth.",
            interactive=line_plot(loss),
        ),
        Drawing("very-deep-time", line_panel(time), "Milliseconds of a training step an image, over depth."),
        Drawing("very-deep-memory", line_panel(kept), "Mebibytes kept for the backward pass an image, over depth."),
    ]


def _ends_of_blocks(numbers: Numbers, runs: Sequence[Sequence[float | None]]) -> list[int]:
    count = len(runs[0])
    return [round(numbers["steps"] * (block + 1) / count) for block in range(count)]


def _depth(network: str) -> int:
    return int(network.split("-")[1])


def tables(numbers: Numbers) -> list[Table]:
    """Return losses, cost and accuracies."""
    rows = [
        [name, spread([c[0] for c in curves["train_loss"]], 2), spread([c[-1] for c in curves["train_loss"]], 2),
         _said(numbers["milliseconds"][name], 2), f"{numbers['kib'][name] / 1024:.3f}"]
        for name, curves in numbers["curves"].items()
    ]  # fmt: skip
    header = ["network", "first loss", "last loss", "ms an image", "MiB an image"]
    caption = (
        "Training loss of the first and of the last epoch, mean and standard deviation over the seeds; time of an "
        "epoch a training image on one thread, validation included; bytes kept for the backward pass, float32."
    )
    return [Table(header, rows, caption), accuracy_table(numbers)]
