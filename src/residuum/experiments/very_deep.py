"""Very deep: do networks of more than a hundred and more than a thousand layers train at all?

Question   He15 trained 110 and 1,202 layers, He16 164 and 1,001. Does the loss fall here too, from the first epochs on,
           and what does a step cost in time and memory?
Command    residuum study very-deep
Cost       about ten minutes on two cores: 15 runs of 4 epochs of 640 digits, the deepest of 1,202 layers
Expected   the loss of every residual network falls; time and memory grow in proportion to depth
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
from ..models import create_model
from ..report.lines import Line, Panel, line_panel
from ..report.plots import line_plot
from ..report.study import SHOWN, Drawing, Finding, Table
from ..training.rows import read_numbers
from ..training.run import TIMING
from .curves import accuracy_table, gathered, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .statistics import Matters, judged_pairs, spread

QUESTION = "Do residual networks of more than 100 and more than 1,000 layers train, and what does a step cost?"
SOURCE = (
    "He et al. 2015, arXiv:1512.03385, table 6 (110 and 1,202 layers); He et al. 2016, arXiv:1603.05027, table 4 (164 "
    "and 1,001 layers)"
)
COST = "about ten minutes on two cores: 15 runs of 4 epochs of 640 digits, the deepest of 1,202 layers"
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
RATE = 0.02  # from the first step on; He15 warms 110 layers up at 0.01
LOOKS = ("blue", "green", "purple", "ochre")


def members(options: Options) -> Members:
    """Return a residual network of each depth, and the plain twin of the shallowest for contrast."""
    conditions = {f"residual-{depth}": {**_network(depth), "lr": RATE} for depth in options.depths}
    shallow = min(options.depths)
    conditions[f"plain-{shallow}"] = {"model": "cifar_plain", "model_arguments": {"depth": shallow}, "lr": RATE}
    return of_conditions(conditions, options)


def _network(depth: int) -> dict[str, Any]:
    if depth in PREACTIVATION or depth % 6 != 2:
        return {"model": "cifar_preact_resnet", "model_arguments": {"depth": depth}}
    return {"model": "cifar_resnet", "model_arguments": {"depth": depth}}


def measure(work: Workspace) -> Numbers:
    """Gather curves; a step's seconds a picture from the runs, and the bytes that it keeps for the backward pass."""
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
    return {**gathered(work), "kib": kept, "milliseconds": seconds, "classes": len(dataset.classes)}


def _milliseconds(work: Workspace, member: str, pictures: int) -> float | None:
    """Return what a picture took; None where the member diverged before its first epoch's end."""
    seconds = [row["seconds"] for row in read_numbers(work.folder / member / TIMING)]
    return 1000 * float(np.mean(seconds)) / pictures if seconds else None


def _said(times: Sequence[float | None], digits: int) -> str:
    return spread(known, digits) if (known := [time for time in times if time is not None]) else "–"


def _saved_a_picture(dataset: Dataset, settings: dict[str, Any]) -> float:
    model = create_model(settings["model"], **settings["model_arguments"], in_chans=dataset.channels)
    return saved_bytes_a_picture(model, (dataset.channels, *dataset.image_size)) / 1024


def saved_bytes_a_picture(model: nn.Module, shape: tuple[int, ...]) -> float:
    """Return what each further picture [C, H, W] of a batch adds to ``saved_bytes``."""
    few, more = (saved_bytes(model, torch.zeros(pictures, *shape)) for pictures in (2, 4))
    return (more - few) / 2


def saved_bytes(model: nn.Module, images: Tensor) -> int:
    """Return the bytes that a training step keeps from its forward for its backward pass, weights apart.

    Each storage counts once, however many layers keep it. Images [N, C, H, W] float32.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in [*model.parameters(), *model.buffers()]}
    kept: dict[int, Tensor] = {}  # holding them keeps an address from being given twice

    def pack(tensor: Tensor) -> Tensor:
        if (address := tensor.untyped_storage().data_ptr()) not in weights:
            kept[address] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = F.cross_entropy(model.train()(images), torch.zeros(len(images), dtype=torch.long))
    del loss
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def fall(numbers: Numbers, network: str) -> np.ndarray:
    """Return the training loss of the last epoch less that of the first: [seeds]; where it diverged, no fall."""
    return np.array([curve[-1] - curve[0] for curve in numbers["curves"][network]["train_loss"]])


def findings(numbers: Numbers) -> list[Finding]:
    """Judge for each network whether its loss falls."""
    found = []
    for network in numbers["curves"]:
        kind, depth = network.split("-")
        published = (
            PUBLISHED.get(int(depth), "–") if kind == "residual" else "He15 figure 6: error above 60 % (110 layers)"
        )
        pairs = fall(numbers, network)
        claim = f"The training loss of the {kind} network of {int(depth):,} layers falls"
        found.append(judged_pairs(claim, published, pairs, "below", MATTERS, unit="nat from first to last epoch"))
    return found


def answer(numbers: Numbers) -> str:
    """Say of which networks the loss falls, and what a picture costs in the deepest."""

    def sentence() -> str:
        verdicts = {n: f.verdict for n, f in zip(numbers["curves"], findings(numbers), strict=True)}
        falls = [f"{int(n.split('-')[1]):,}" for n, v in verdicts.items() if v == SHOWN and n.startswith("residual")]
        not_shown = [n for n, v in verdicts.items() if v != SHOWN]
        networks = sorted((n for n in verdicts if n.startswith("residual")), key=lambda n: int(n.split("-")[1]))
        deepest = networks[-1]
        cost = (
            f"a picture costs {_said(numbers['milliseconds'][deepest], 1)} ms of one thread and "
            f"{numbers['kib'][deepest] / 1024:.2f} MiB kept for the backward pass in the deepest"
        )
        first = (
            f"The loss of the residual networks of {', '.join(falls)} layers falls"
            if falls
            else "No loss is shown to fall"
        )
        rest = f", that of {', '.join(not_shown)} is not shown to" if falls and not_shown else ""
        return f"{first}{rest}; {cost}."

    return one_sentence(numbers, sentence)


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the training loss over the epochs, and cost over depth."""
    curves = numbers["curves"]
    epochs = list(range(1, 1 + len(next(iter(curves.values()))["train_loss"][0])))
    residual = [name for name in curves if name.startswith("residual")]
    looks = {**{name: LOOKS[place % len(LOOKS)] for place, name in enumerate(residual)}}
    lines = [
        Line(name, epochs, curves[name]["train_loss"], looks.get(name, "vermilion"), dashed=name not in looks)
        for name in curves
    ]
    level = (math.log(numbers["classes"]), "guessing")
    loss = Panel("Training loss", "epoch", "cross-entropy", lines, level=level, form="{:.2f}")
    by_depth = sorted(residual, key=_depth)
    depths = [_depth(name) for name in by_depth]
    times = [list(seed) for seed in zip(*(numbers["milliseconds"][name] for name in by_depth), strict=True)]
    time = Panel("Time of a training step", "layers", "ms a picture, one thread", [Line("time", depths, times)])
    memory = [Line("memory", depths, [[numbers["kib"][name] / 1024 for name in by_depth]], "green")]
    kept = Panel("Memory of a training step", "layers", "MiB a picture, float32", memory, form="{:.2f}")
    return [
        Drawing(
            "very-deep-loss",
            line_panel(loss),
            "Training loss over the epochs, a line for each depth.",
            interactive=line_plot(loss),
        ),
        Drawing("very-deep-time", line_panel(time), "Milliseconds of a training step a picture, over depth."),
        Drawing("very-deep-memory", line_panel(kept), "Mebibytes kept for the backward pass a picture, over depth."),
    ]


def _depth(network: str) -> int:
    return int(network.split("-")[1])


def tables(numbers: Numbers) -> list[Table]:
    """Return losses, cost and accuracies."""
    rows = [
        [name, spread([c[0] for c in curves["train_loss"]], 2), spread([c[-1] for c in curves["train_loss"]], 2),
         _said(numbers["milliseconds"][name], 2), f"{numbers['kib'][name] / 1024:.3f}"]
        for name, curves in numbers["curves"].items()
    ]  # fmt: skip
    header = ["network", "first loss", "last loss", "ms a picture", "MiB a picture"]
    caption = (
        "Training loss of the first and of the last epoch, mean and standard deviation over the seeds; time of an "
        "epoch a training picture on one thread, validation included; bytes kept for the backward pass, float32."
    )
    return [Table(header, rows, caption), accuracy_table(numbers)]
