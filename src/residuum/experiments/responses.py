"""Responses: how much does each layer change the signal, with and without shortcuts, shallow and deep?

Command    residuum study responses [--model FILE --data DATA]

A response is a layer's output after batch norm and before nonlinearity or addition; its strength is the standard
deviation over images, channels and positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from ..analysis.responses import responses
from ..analysis.sample import Sample
from ..report.lines import Line, Panel, line_panel
from ..report.study_page import Drawing, Finding, Table
from .form import Numbers, Options, Workspace
from .measuring import CAPTION, by_network, look_of, measured, members_or_model, named, twins_judged
from .statistics import Matters, judged, judged_pairs, mean_interval, spread

QUESTION = (
    "If a residual block only has to learn what to add to its input, its layers should respond less than those of a "
    "plain network, which make every signal from scratch. Do they? Does each layer of a deeper network respond less?"
)
SOURCE = "He15 (arXiv:1512.03385), section 4.2, figure 7: networks of 20, 56 and 110 layers on CIFAR-10"
COST = "about five minutes on two cores: twelve runs of 15 epochs on the embedded digits"
EXPECTED = "residual networks respond less than their plain twins, and the deeper residual network the least."
DEFAULTS = Options(data="digits", depths=(20, 56))

MATTERS = Matters(0.1, "chosen here: a tenth of a unit response, which batch norm sets")

members = members_or_model


def measure(work: Workspace) -> Numbers:
    """Return each layer's response in each network, from stem to head."""
    return measured(work, "responses", passes=1, look=_responses)


def _responses(name: str, model: nn.Module, sample: Sample) -> Numbers:
    found = responses(model, sample.images())
    return {
        "layers": [response.layer for response in found],
        "deviations": [response.deviation for response in found],
        "closes": [response.closes for response in found],
    }


def findings(numbers: Numbers) -> list[Finding]:
    """Return the claims of He15, judged by seeds."""
    grouped = by_network(numbers)
    unit = "standard deviation, mean over layers"
    found = twins_judged(
        "Layers of a residual network respond less than those of its plain twin",
        "He15 figure 7",
        grouped,
        _mean,
        "below",
        matters=MATTERS,
        unit=unit,
    )
    residual = sorted((name for name in grouped if name.startswith("residual-")), key=lambda name: int(name[9:]))
    if len(residual) > 1:
        both = min(len(grouped[name]) for name in (residual[0], residual[-1]))  # seeds of both
        shallow, deep = (np.array([_mean(one) for one in grouped[name][:both]]) for name in (residual[0], residual[-1]))
        claim = f"Layers of {residual[-1]} respond less than those of {residual[0]}"
        found.append(judged_pairs(claim, "He15 figure 7", deep - shallow, "below", MATTERS, unit=unit))
    for network, seeds in grouped.items():
        if any(one["closes"].count(True) > 1 for one in seeds):
            found.append(_deeper_blocks(network, seeds))
    return found


def _mean(one: Any) -> float:
    """Return the mean response of all layers except the stem, which is equal in all networks."""
    return float(np.mean(one["deviations"][1:]))


def _deeper_blocks(network: str, seeds: list[Any]) -> Finding:
    """Judge whether a branch's last layer responds less than its first, over all blocks."""
    ends = [_ends(one) for one in seeds]
    differences = np.concatenate([last - first for first, last in ends])
    claim = f"{named(network)}: the last layer of a block responds less than its first"
    unit = "standard deviation, mean over blocks"
    return judged(claim, "–", mean_interval(differences), "below", MATTERS, unit=unit, pairs=differences)


def _ends(one: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the responses of the first and of the last layer of each block."""
    last = np.flatnonzero(one["closes"])
    blocks = [one["layers"][place].split(".branch.")[0] for place in last]
    first = [next(i for i, layer in enumerate(one["layers"]) if layer.startswith(f"{b}.branch.")) for b in blocks]
    deviations = np.array(one["deviations"])
    return deviations[first], deviations[last]


def answer(numbers: Numbers) -> str:
    """Report the responses of each network's layers, and whether the twins differ."""
    grouped = by_network(numbers)
    said = ", ".join(f"{named(name)} {np.mean([_mean(one) for one in seeds]):.2f}" for name, seeds in grouped.items())
    judgements = [f"{one.claim}: {one.verdict}" for one in findings(numbers) if "respond less" in one.claim]
    return f"The mean standard deviation of a layer's response is {'; '.join([said, *judgements])}."


def drawings(numbers: Numbers) -> list[Drawing]:
    """Draw the responses from stem to head, and by their size (He15 figure 7, above and below)."""
    grouped = by_network(numbers)
    pictures = []
    for name, title, across, ordered in (
        ("in-order", "Responses from stem to head", "share of the way from stem (0) to head (1)", False),
        ("by-size", "Responses by size", "share of the layers that respond more", True),
    ):
        lines = [_line(network, seeds, grouped, ordered) for network, seeds in grouped.items()]
        panel = Panel(title, across, "standard deviation", lines, form="{:.2f}")
        order = "the largest first" if ordered else "from stem to head"
        words = f"Standard deviation of each layer's response, {order}."
        pictures.append(Drawing(name, line_panel(panel), words, CAPTION))
    return pictures


def _line(network: str, seeds: list[Any], grouped: dict[str, list[Any]], ordered: bool) -> Line:
    values = [sorted(one["deviations"], reverse=True) if ordered else one["deviations"] for one in seeds]
    longest = max(len(one["deviations"]) for found in grouped.values() for one in found)
    across = np.linspace(0, 1, len(values[0])).tolist()
    return Line(network, across, values, look_of(network), dashed=len(values[0]) < longest)


def tables(numbers: Numbers) -> list[Table]:
    """Return the mean response of all layers, and of the first and last layers of blocks."""
    rows = []
    for network, seeds in by_network(numbers).items():
        first, last = zip(*(_ends(one) for one in seeds), strict=True)
        ends = [[float(found.mean()) for found in place] for place in (first, last)]
        columns = ([_mean(one) for one in seeds], *ends)
        largest = [max(one["deviations"][1:]) for one in seeds]
        rows.append([network, *(spread(column, 3) for column in (*columns, largest))])
    count = next(iter(numbers["subjects"].values()))["pictures"]
    caption = f"Standard deviations on {count} images of {numbers['data']}, mean and deviation over seeds; no stem."
    return [Table(["network", "all layers", "first of a block", "last of a block", "the largest"], rows, caption)]
