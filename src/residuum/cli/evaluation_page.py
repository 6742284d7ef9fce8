"""The page that ``residuum evaluate --output`` writes."""

from __future__ import annotations

from pathlib import Path

from residuum_runtime.names import printable

from ..evaluation.calibration import Reliability
from ..evaluation.splits import images_of
from ..files import write_bytes
from ..report.reliability import ReliabilityCurve, calibration_section, reliability_diagram
from ..report.run_page import RunData, write_run_report
from ..report.style import png
from ..training.ending import mistakes
from .evaluating import HOW, Answer, said_of, seen_of


def write_page(answer: Answer, folder: Path) -> None:
    """Write ``report.html`` and its figures: result, confusions, classes, mistakes, calibration."""
    question, dataset, scores = answer.question, answer.dataset, answer.whole.predictions.scores
    low, high = answer.whole.intervals["top1"]
    notes = [f"Acc@1 between {low:.2f} and {high:.2f} %: {HOW}.", *dataset.notes, *answer.notes]
    sections = []
    if (fitted := answer.calibration) is not None:
        curves = [
            _curve("uncalibrated", fitted.before),
            _curve(f"at temperature {fitted.temperature:.3g}", fitted.after),
        ]
        write_bytes(folder / "reliability.png", png(reliability_diagram(curves)))
        sections.append(calibration_section(curves, said_of(fitted)))
    facts = {
        "models": ", ".join(question.models),
        "data": f"{printable(dataset.name)}, {question.split}: {len(scores):,} images",
        "seen": seen_of(question),
        "loss": f"{scores.loss:.4f}",
        "Acc@5": f"{scores.top5:.2f} %",
    }
    data = RunData(
        title=f"{answer.whole.name} on {printable(Path(dataset.name).name)}",
        facts=facts,
        history=[],
        classes=answer.whole.predictions.classes,
        confusion=scores.confusion.numpy(),
        mistakes=mistakes(dataset, images_of(dataset, question.split), scores),
        notes=notes,
        sections=sections,
    )
    write_run_report(folder, data)


def _curve(name: str, found: Reliability) -> ReliabilityCurve:
    return ReliabilityCurve(name, found.pictures, found.confidence, found.accuracy, found.ece)
