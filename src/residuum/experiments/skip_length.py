"""Skip length: past how many layers should a skip lead, what may lie beside it, and should its matrix be learnt?

Question   Popular accounts say that a skip works best over one nonlinear layer, or when all layers between are linear,
           and that its matrix should be learnt otherwise. He15 (section 3.2) says that past one layer, y = W x + x,
           nothing is gained; Zagoruyko and Komodakis (2016, table 3) find two convolutions to a block better than one
           or three.
Command    residuum study skip-length
Cost       about two minutes on two cores: 33 runs of 20 epochs of fully connected networks on the digits
Expected   the accounts above contradict one another; so no direction is expected beforehand
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from ..data import open_data
from ..models import create_model
from ..nn.skips import SkipCell
from ..report.dots import dots
from ..report.study import Drawing, Finding, Table
from ..seeds import drawing
from ..weights import save
from .curves import accuracy_table, gathered, last, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .statistics import judged, paired_difference

QUESTION = (
    "Past how many layers should a skip lead: one, two or three? Does it matter whether the layers beside it are "
    "linear, and should its matrix be the identity or be learnt?"
)
SOURCE = (
    "He et al. 2015, arXiv:1512.03385, section 3.2; Zagoruyko and Komodakis 2016, arXiv:1605.07146, table 3; popular "
    "accounts of skips over one nonlinear layer"
)
COST = "about two minutes on two cores: 33 runs of 20 epochs of fully connected networks on the digits"
EXPECTED = "The accounts contradict one another, so no direction is expected beforehand."
DEFAULTS = Options(depths=(26,), epochs=20)
LENGTHS = (1, 2, 3)
RATE = 0.02  # without norms, 0.1 is too much


def members(options: Options) -> Members:
    """Return fully connected networks of the first depth, by wiring, length and what lies beside the skip."""
    dataset = open_data(options.data)
    shared = {"depth": options.depths[0], "in_chans": dataset.channels, "image_size": dataset.image_size[0]}

    def network(wiring: str, length: int, activations: list[str]) -> dict[str, object]:
        arguments = {**shared, "wiring": wiring, "skip_length": length, "activations": activations}
        return {"model": "skip_mlp", "model_arguments": arguments, "lr": RATE}

    conditions = {"plain": network("plain", 1, ["relu"])}
    for length in LENGTHS:
        for between in ("nonlinear", "linear")[: 2 if length > 1 else 1]:
            inside = "relu" if between == "nonlinear" else "linear"
            for wiring, matrix in (("residual", "identity"), ("learnt", "learnt")):
                name = f"{length}-{between}-{matrix}"
                conditions[name] = network(wiring, length, [inside] * (length - 1) + ["relu"])
    return of_conditions(conditions, options)


def start(folder: Path, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Let a network with linear layers begin with these drawn from N(0, 1 / n): He's 2 / n is for layers before a ReLU.

    Else each linear layer doubles the stream's variance, and one would compare initial weights.
    """
    arguments = settings["model_arguments"]
    if "linear" not in arguments["activations"]:
        return settings
    with drawing(settings["seed"], "init"):
        model = create_model(settings["model"], **arguments, num_classes=len(open_data(settings["data"]).classes))
    cell = cast(SkipCell, model.get_submodule("stages.0"))
    with torch.no_grad():
        for normal, activation in zip(cell.normal, cell.act, strict=True):
            if isinstance(activation, nn.Identity):
                cast(nn.Linear, normal).weight.mul_(math.sqrt(0.5))
    path = folder / "initial" / f"{name}.safetensors"
    save(model, path)
    return {**settings, "weights": str(path)}


def measure(work: Workspace) -> Numbers:
    """Gather the curves."""
    return {**gathered(work), "depth": work.options.depths[0]}


def contrast(numbers: Numbers, these: list[str], those: list[str]) -> np.ndarray:
    """Return the mean validation accuracy of these conditions less that of those, of each seed: [seeds]."""
    means = [np.mean([last(numbers, name, "val_acc1") for name in names], axis=0) for names in (these, those)]
    return means[0] - means[1]


CONTRASTS = {
    "A skip past one nonlinear layer does better than past two": (["1-nonlinear-identity"], ["2-nonlinear-identity"]),
    "A skip past one nonlinear layer does better than past three": (["1-nonlinear-identity"], ["3-nonlinear-identity"]),
    "Past two and three layers, linear ones beside the skip do better than nonlinear ones": (
        ["2-linear-identity", "3-linear-identity"],
        ["2-nonlinear-identity", "3-nonlinear-identity"],
    ),
    "Past several nonlinear layers, a learnt matrix does better than the identity": (
        ["2-nonlinear-learnt", "3-nonlinear-learnt"],
        ["2-nonlinear-identity", "3-nonlinear-identity"],
    ),
    "A skip past two nonlinear layers does better than none": (["2-nonlinear-identity"], ["plain"]),
}
PUBLISHED = (
    "popular accounts; He15 section 3.2 sees no advantage of one layer; Zagoruyko and Komodakis table 3: test error "
    "6.69 % with one convolution a block, 5.43 % with two (CIFAR-10, WRN-40-2)",
    "popular accounts; Zagoruyko and Komodakis table 3: 6.69 % with one convolution a block, 5.65 % with three",
    "popular accounts",
    "popular accounts; He16 table 1: a learnt shortcut hurts (12.22 % against 6.61 %)",
    "He15 figure 6, for convolutions",
)


def findings(numbers: Numbers) -> list[Finding]:
    """Judge what the accounts say."""
    found = []
    for (claim, (these, those)), published in zip(CONTRASTS.items(), PUBLISHED, strict=True):
        pairs = contrast(numbers, these, those)
        effect = paired_difference(pairs, np.zeros_like(pairs))
        found.append(judged(claim, published, effect, "above", unit="points of validation accuracy", pairs=pairs))
    return found


def answer(numbers: Numbers) -> str:
    """Name the best condition, and what is shown of length, linearity and matrix."""

    def sentence() -> str:
        means = {name: float(last(numbers, name, "val_acc1").mean()) for name in numbers["curves"]}
        best = max(means, key=lambda name: means[name])
        said = []
        for finding in findings(numbers):
            if finding.verdict == "shown":
                said.append(finding.claim[0].lower() + finding.claim[1:])
            elif finding.verdict != "not shown":
                said.append(f"the reverse of this: {finding.claim[0].lower() + finding.claim[1:]}")
        shown = f"shown is {'; '.join(said)}" if said else "no claim about length, linearity or matrix is shown"
        return (
            f"In {numbers['depth']} layers the highest mean is that of {_words(best)} ({means[best]:.1f} %); {shown}."
        )

    return one_sentence(numbers, sentence)


def _words(condition: str) -> str:
    if condition == "plain":
        return "no skip"
    length, between, matrix = condition.split("-")
    return f"skips past {length} layer{'s' if length != '1' else ''}, {between}, {matrix}"


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw validation accuracy by condition."""
    values = {_words(name): last(numbers, name, "val_acc1").tolist() for name in numbers["curves"]}
    looks = {_words(name): "vermilion" if name == "plain" else "green" for name in numbers["curves"]
             if name == "plain" or name.endswith("learnt")}  # fmt: skip
    figure = dots(values, title="Validation accuracy by skip", xlabel="%", looks=looks)
    alt = "Validation accuracy of fully connected networks by length, linearity and matrix of their skips."
    return [Drawing("skip-length", figure, alt, "Blue: identity skips; green: learnt matrices; vermilion: no skip.")]


def tables(numbers: Numbers) -> list[Table]:
    """Return the accuracies."""
    return [accuracy_table(numbers)]
