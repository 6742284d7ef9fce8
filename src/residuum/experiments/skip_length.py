"""Skip length: how many layers should a skip span, of which kind, and should its matrix be learnt?

Command    residuum study skip-length

Members differ only in wiring. Batch norm follows every layer's matrix, before the skip joins, and precedes the
logits: without it each skip doubles the stream's variance, short skips more often than long ones, and one would compare
scales. A learnt matrix starts at the identity, so that it equals its twin before the first step; drawn at
random it would be one more plain network, and one would compare initial weights. Number of layers, draws of their
weights, rate and order of the images are the same for all; learnt matrices are the only further parameters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import nn

from ..data import open_data
from ..models import build
from ..nn.skips import SkipCell
from ..report.dots import dots
from ..report.study_page import OPPOSITE, SHOWN, Drawing, Finding, Table
from ..seeds import drawing
from ..weights import save
from .curves import accuracy_table, gathered, last, of_conditions, one_sentence
from .form import Members, Numbers, Options, Workspace
from .statistics import Matters, judged_pairs

QUESTION = (
    "How many layers should a skip span: one, two or three? Does it matter whether the parallel layers are "
    "linear, and should its matrix be the identity or be learnt?"
)
SOURCE = (
    "He et al. 2015, arXiv:1512.03385, section 3.2; Li et al. 2016, arXiv:1611.01186; Orhan and Pitkow 2018, "
    "arXiv:1701.09175; He et al. 2016, arXiv:1603.05027, table 3; Zagoruyko and Komodakis 2016, "
    "arXiv:1605.07146, table 3; popular accounts of skips over one nonlinear layer"
)
COST = "about two minutes on two cores: 55 runs of 10 epochs of fully connected networks on the digits"
EXPECTED = "The accounts contradict one another, so no direction is expected beforehand."
DEFAULTS = Options(depths=(50,), epochs=10, seeds=5)
LENGTHS = (1, 2, 3)
MATTERS = Matters(1.0, "Zagoruyko and Komodakis table 3: 5.43 % with two convolutions a block, 6.69 % with one")
RATE = 0.05  # trains all members; at 0.1 some members with learnt matrices diverge for a while


def members(options: Options) -> Members:
    """Return fully connected networks of the first depth, by length, what lies beside the skip, and its matrix."""
    dataset = open_data(options.data)
    shared = {"depth": options.depths[0], "in_chans": dataset.channels, "image_size": dataset.image_size[0]}

    def network(wiring: str, length: int, activations: list[str]) -> dict[str, object]:
        arguments = {**shared, "wiring": wiring, "skip_length": length, "activations": activations}
        return {"model": "skip_mlp_bn", "model_arguments": arguments, "lr": RATE}

    conditions = {"plain": network("plain", 1, ["relu"])}
    for length in LENGTHS:
        for between in ("nonlinear", "linear")[: 2 if length > 1 else 1]:
            inside = "relu" if between == "nonlinear" else "linear"
            for wiring, matrix in (("residual", "identity"), ("learnt", "learnt")):
                name = f"{length}-{between}-{matrix}"
                conditions[name] = network(wiring, length, [inside] * (length - 1) + ["relu"])
    return of_conditions(conditions, options)


def start(folder: Path, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Start a network of learnt matrices as its twin of identities: the same function, the same weights."""
    arguments = settings["model_arguments"]
    if arguments["wiring"] != "learnt":
        return settings
    classes = len(open_data(settings["data"]).classes)
    with drawing(settings["seed"], "init"):
        twin = build(settings["model"], **{**arguments, "wiring": "residual"}, num_classes=classes)
    model = build(settings["model"], **arguments, num_classes=classes)
    model.load_state_dict(twin.state_dict(), strict=False)  # all but the skips, which have no weights in the twin
    for skip in cast(SkipCell, model.get_submodule("stages.0")).skips.values():
        nn.init.eye_(cast(nn.Linear, skip).weight)
    path = folder / "initial" / f"{name}.safetensors"
    save(model, path)
    return {**settings, "weights": str(path)}


def measure(work: Workspace) -> Numbers:
    """Gather the curves."""
    return {**gathered(work), "depth": work.options.depths[0]}


def contrast(numbers: Numbers, these: list[str], those: list[str]) -> np.ndarray:
    """Return the mean validation accuracy of these conditions minus that of the others, for each seed: [seeds]."""
    means = [np.mean([last(numbers, name, "val_acc1") for name in names], axis=0) for names in (these, those)]
    return means[0] - means[1]


# claim, conditions, reference conditions, published result
CONTRASTS = (
    (
        "A skip past one nonlinear layer does better than none",
        ["1-nonlinear-identity"],
        ["plain"],
        "He15 section 3.2 has not observed advantages; Li16: like no skip; Orhan and Pitkow: it helps",
    ),
    ("A skip past two nonlinear layers does better than none", ["2-nonlinear-identity"], ["plain"],
     "He15 figure 6, for convolutions"),
    (
        "A skip past one nonlinear layer does better than past two",
        ["1-nonlinear-identity"],
        ["2-nonlinear-identity"],
        "popular accounts; the reverse in He16 table 3: test error 9.90 % past one, 6.61 % past two (CIFAR-10, 110 "
        "layers), and in Zagoruyko and Komodakis table 3: 6.69 % with one convolution a block, 5.43 % with two",
    ),
    (
        "A skip past one nonlinear layer does better than past three",
        ["1-nonlinear-identity"],
        ["3-nonlinear-identity"],
        "popular accounts; the reverse in Zagoruyko and Komodakis table 3: 6.69 % with one, 5.65 % with three",
    ),
    (
        "Past two and three layers, linear ones beside the skip do better than nonlinear ones",
        ["2-linear-identity", "3-linear-identity"],
        ["2-nonlinear-identity", "3-nonlinear-identity"],
        "popular accounts",
    ),
    (
        "Past several nonlinear layers, a learnt matrix does better than the identity",
        ["2-nonlinear-learnt", "3-nonlinear-learnt"],
        ["2-nonlinear-identity", "3-nonlinear-identity"],
        "popular accounts; He16 table 1: a learnt shortcut hurts (12.22 % against 6.61 %)",
    ),
    (
        "Past one nonlinear layer, a learnt matrix does better than the identity",
        ["1-nonlinear-learnt"],
        ["1-nonlinear-identity"],
        "–",
    ),
)  # fmt: skip


def findings(numbers: Numbers) -> list[Finding]:
    """Judge the accounts' claims."""
    found = []
    for claim, these, those, published in CONTRASTS:
        pairs = contrast(numbers, these, those)
        found.append(judged_pairs(claim, published, pairs, "above", MATTERS, unit="points of validation accuracy"))
    return found


def answer(numbers: Numbers) -> str:
    """Name the best condition, and report the results on length, linearity and matrix."""

    def sentence() -> str:
        means = {name: float(last(numbers, name, "val_acc1").mean()) for name in numbers["curves"]}
        best = max(means, key=lambda name: means[name])
        said = []
        for finding in findings(numbers):
            if finding.verdict == SHOWN:
                said.append(finding.claim[0].lower() + finding.claim[1:])
            elif finding.verdict == OPPOSITE:
                said.append(f"the reverse of this: {finding.claim[0].lower() + finding.claim[1:]}")
        shown = f"the results show {'; '.join(said)}" if said else "no claim about length, linearity or matrix is shown"
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
