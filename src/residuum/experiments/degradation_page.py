"""The page and the picture of the degradation study."""

from __future__ import annotations

from pathlib import Path

from ..files import write_bytes, write_text
from ..report import page
from ..report.figures import Series, degradation
from ..report.study import Expected, study_page
from ..report.style import png
from .degradation import KINDS, Measured, answer, table

QUESTION = (
    "A deeper network could copy a shallower one and pass its output on, so it should train at least as well. Does it? "
    "And does it when each pair of layers only has to learn what to add to its input?"
)
ALT = "Error by epoch of the {kind} networks, a line for each depth."


def write_page(measured: Measured, output: Path, *, seconds: float, command: str) -> Path:
    """Write ``degradation.html`` and ``degradation.png`` into the study's folder and return the page's path."""
    series = [
        Series(network.name, network.depth, network.kind, 100 - accuracy, 100 - measured.val[network])
        for network, accuracy in measured.train.items()
    ]
    write_bytes(output / "degradation.png", png(degradation(series)))
    header, rows = table(measured)
    seeds, epochs = next(iter(measured.train.values())).shape
    caption = f"Accuracy after {epochs} epochs on {measured.data}, mean and standard deviation over {seeds} seeds."
    text = study_page(
        "Degradation",
        QUESTION,
        answer(measured),
        figures=[page.figure(degradation(series, [kind]), ALT.format(kind=kind)) for kind in KINDS],
        table=page.table(header, rows, caption),
        cost=f"{seeds * len(measured.train)} runs of {epochs} epochs: {seconds:.0f} s of training, added up.",
        repeat=command,
        expected=_expected(measured),
    )
    write_text(output / "degradation.html", text)
    return output / "degradation.html"


def _expected(measured: Measured) -> list[Expected]:
    plain, rescue = measured.depth_effect("plain"), measured.rescue()
    return [
        Expected(
            "The deeper plain network trains worse",
            "He15 figure 6: training error of plain-56 above plain-20 (CIFAR-10)",
            f"{plain} points of training accuracy",
            plain.below(0),
        ),
        Expected(
            "The shortcut saves it",
            "He15 figure 6: training error of ResNet-56 below ResNet-20 (CIFAR-10)",
            f"residual effect of depth less the plain one: {rescue} points",
            rescue.above(0),
        ),
    ]
