"""The report of one training run."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residuum_runtime.intervals import wilson_interval

from .. import files
from . import page
from .confusion import checked_counts, confusion_matrix
from .figures import curves, per_class_accuracy
from .numbers import percent
from .style import png
from .watching import Watched, watched_figures, watched_section

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

CONFUSION = "Confusion matrix: true class by row, predicted class by column"


@dataclass(frozen=True)
class Mistake:
    """An image that the model classified wrongly.

    Args:
        image: uint8 [H, W, 3] or [H, W].
        truth: its true class.
        predicted: the class that the model predicted.
        confidence: of the prediction, in [0, 1].
        name: the file, or the position in the data.
    """

    image: np.ndarray
    truth: str
    predicted: str
    confidence: float
    name: str


@dataclass(frozen=True)
class RunData:
    """The content of a run's report.

    Args:
        title: the page's name.
        facts: data, model, parameters, device, ... as text; ``command`` repeats the run.
        history: a dict per epoch, as ``figures.curves`` takes it; empty if nothing was trained.
        classes: class names.
        confusion: counts [classes, classes], rows are the truth.
        mistakes: images, worst first.
        notes: caveats on the number, "the best epoch was chosen on the validation images".
        sections: more parts of the page, before the worst mistakes.
        watched: rate, gradient, weights and speed, where they were logged.
    """

    title: str
    facts: Mapping[str, str]
    history: Sequence[Mapping[str, Any]]
    classes: Sequence[str]
    confusion: np.ndarray
    mistakes: Sequence[Mistake] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    sections: Sequence[page.Markup] = field(default_factory=tuple)
    watched: Watched = field(default_factory=Watched)


def run_report(run: RunData) -> str:
    """Return the report as one HTML page: result, curves, confusions, classes, worst mistakes, facts, command.

    Raises:
        InputError: a confusion matrix that does not fit the classes.
    """
    counts = checked_counts(run.confusion, run.classes)
    opening = [page.lead(result_sentence(counts))]
    if run.notes:
        opening.append(page.bullets(run.notes))
    sections = [page.opening(*opening)]
    if run.history:
        sections.append(_curves_section(run.history))
    if watched_figures(run.watched):
        sections.append(watched_section(run.watched))
    if counts.sum():
        sections.append(_confusion_section(counts, run.classes))
        sections.append(_classes_section(counts, run.classes))
    sections.extend(run.sections)
    if counts.sum():
        sections.append(_mistakes_section(run.mistakes, int(counts.sum() - counts.trace())))
    described = {name: value for name, value in run.facts.items() if name != "command"}
    sections.append(page.section("The run", page.facts(described)))
    if "command" in run.facts:
        sections.append(page.section("How to repeat it", page.command(run.facts["command"])))
    return page.page(run.title, sections, kind="Training run" if run.history else "Evaluation")


def write_run_report(directory: str | os.PathLike[str], run: RunData) -> None:
    """Write ``report.html``, ``curves.png``, ``confusion.png`` and ``per_class.png``, each whole or not at all.

    A figure without data (no history, no images) is not written.
    """
    directory = Path(directory)
    for name, figure in run_figures(run).items():
        files.write_bytes(directory / f"{name}.png", png(figure))
    files.write_text(directory / "report.html", run_report(run))


def run_figures(run: RunData) -> dict[str, Figure]:
    """Return the figures for which there are data: ``curves``, ``confusion``, ``per_class``."""
    counts = checked_counts(run.confusion, run.classes)
    drawn = {"curves": curves(run.history)} if run.history else {}
    if counts.sum():
        drawn["confusion"] = confusion_matrix(counts, run.classes)
        drawn["per_class"] = _per_class(counts, run.classes)
    return drawn


def result_sentence(confusion: np.ndarray) -> str:
    """Return a sentence with the accuracy, its 95 % Wilson interval and the number of images, from the counts alone."""
    total, right = int(confusion.sum()), int(confusion.trace())
    if not total:
        return "No image was evaluated, so there is no accuracy to report."
    low, high = wilson_interval(right, total)
    chance = confusion.sum(axis=1).max() / total
    return (
        f"Of {total:,} images {right:,} were classified correctly: {percent(100 * right / total)} "
        f"(95 % Wilson interval {100 * low:.1f} to {100 * high:.1f} %). "
        f"Always naming the most frequent class would give {percent(100 * chance)}."
    )


def _curves_section(history: Sequence[Mapping[str, Any]]) -> page.Markup:
    last = history[-1]
    span = f"over {len(history)} epoch{'s' if len(history) > 1 else ''}"
    return page.section(
        "Training",
        page.figures(
            page.figure(curves(history, ["loss"]), f"Training and validation loss {span}.{_ending(last, 'loss', '')}"),
            page.figure(
                curves(history, ["accuracy"]),
                f"Training and validation accuracy {span}.{_ending(last, 'acc1', ' %')}",
            ),
        ),
        page.folded("The same as a table", _history_table(history)),
    )


def _ending(row: Mapping[str, Any], column: str, unit: str) -> str:
    known = {"training": row.get(f"train_{column}", ""), "validation": row.get(f"val_{column}", "")}
    said = [f"{name} {float(value):.3g}{unit}" for name, value in known.items() if _measured(name, value)]
    return f" At the end: {', '.join(said)}." if said else ""


def _measured(column: str, value: Any) -> bool:
    """Return whether a column has a number: an epoch without validation has NaN."""
    return value not in (None, "") and not (column.startswith("val") and math.isnan(float(value)))


def _history_table(history: Sequence[Mapping[str, Any]]) -> page.Markup:
    columns = {
        "epoch": ("Epoch", "g"),
        "lr": ("Learning rate", ".3g"),
        "train_loss": ("Training loss", ".4f"),
        "train_acc1": ("Training accuracy, %", ".2f"),
        "val_loss": ("Validation loss", ".4f"),
        "val_acc1": ("Validation accuracy, %", ".2f"),
    }
    rows = [
        [format(float(row[key]), form) if _measured(key, row.get(key)) else "–" for key, (_, form) in columns.items()]
        for row in history
    ]
    return page.table([name for name, _ in columns.values()], rows, "Every epoch; – where there is no measurement.")


def _confusion_section(counts: np.ndarray, classes: Sequence[str]) -> page.Markup:
    import numpy as np

    misses = counts.copy()
    np.fill_diagonal(misses, 0)
    order = np.argsort(-misses, axis=None, kind="stable")[:8]
    worst = [(int(i) // len(classes), int(i) % len(classes)) for i in order if misses.flat[i]]
    pairs = [
        (classes[t], classes[p], int(misses[t, p]), percent(100 * misses[t, p] / counts[t].sum())) for t, p in worst
    ]
    drawing = page.figure(
        confusion_matrix(counts, classes),
        f"Confusion matrix of {len(classes)} classes: {int(counts.trace())} images on the diagonal, "
        f"{int(misses.sum())} beside it.",
        "Rows are true classes, columns predicted classes. Blue: right; orange: wrong; "
        "stronger: a larger share of the row.",
    )
    if not pairs:
        return page.section(CONFUSION, drawing)
    worst_pairs = page.table(["Truth", "Predicted", "Images", "Of the class"], pairs, "The most frequent confusions.")
    return page.section(CONFUSION, page.beside(drawing, worst_pairs))


def _classes_section(counts: np.ndarray, classes: Sequence[str]) -> page.Markup:
    rows = [
        (name, int(counts[i].sum()), percent(100 * counts[i, i] / counts[i].sum()) if counts[i].sum() else "–")
        for i, name in enumerate(classes)
    ]
    return page.section(
        "Accuracy of each class",
        page.figure(
            _per_class(counts, classes),
            "Accuracy of each class with its 95 % interval, worst first; the table below holds the same numbers.",
            "Worst first; the bar is the 95 % Wilson interval, the number of images stands in brackets.",
        ),
        page.folded("All classes as a table", page.table(["Class", "Images", "Accuracy"], rows, "Accuracy by class.")),
    )


def _per_class(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    images = counts.sum(axis=1)
    return per_class_accuracy(100 * counts.diagonal() / images.clip(min=1), images, classes)


def _mistakes_section(mistakes: Sequence[Mistake], number: int) -> page.Markup:
    if not mistakes:
        said = "No image was misclassified." if not number else "No misclassified image was kept."
        return page.section("The worst mistakes", said)
    pictures = [
        page.Picture(
            mistake.image,
            f"{mistake.name}: {mistake.truth}, predicted {mistake.predicted} with confidence {mistake.confidence:.2f}",
            (
                f"{mistake.truth} → {mistake.predicted}",
                f"{percent(100 * mistake.confidence, 0)} sure",
                mistake.name,
            ),
        )
        for mistake in mistakes
    ]
    many = f"{len(pictures)} of {number:,}" if number > len(pictures) else f"All {len(pictures)}"
    said = f"{many}, the most confident first: true class → predicted class."
    return page.section("The worst mistakes", said, page.picture_grid(pictures))
