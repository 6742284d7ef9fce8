"""Measure, print and write the results of ``residuum evaluate``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from torch import nn

from residuum_runtime.names import printable

from ..data import Dataset, FileImages, open_data
from ..data.classes import note_lacking
from ..errors import InputError
from ..evaluation import VIEWS, Predictions, combine, predictions_of
from ..evaluation.bootstrap import LEVEL, RESAMPLES, Interval, gain_interval, score_intervals
from ..evaluation.calibration import COLDEST, HOTTEST, Calibration, Reliability, calibrate, reliability
from ..evaluation.matching import check_match
from ..evaluation.splits import default_split, describe_split, images_of
from ..evaluation.views import make_frame, pick_view
from ..machine.precision import refuse_unknown
from ..machine.precision_trial import choose_device
from ..models import describe
from .opening import open_model_or_export
from .saying import count_of, say
from .tables import shortened, show_table

HOW = f"{LEVEL:g} % percentile bootstrap over the images, {RESAMPLES} resamples"


@dataclass(frozen=True)
class Question:
    """The options of an evaluation."""

    models: tuple[str, ...]
    data: str
    split: str
    views: str
    scales: tuple[int, ...]
    bins: int
    seed: int
    precision: str
    match: str
    max_pixels: int | None = None  # the largest image of a folder


@dataclass(frozen=True)
class Figures:
    """The results of one file, or of the ensemble."""

    name: str
    predictions: Predictions
    intervals: dict[str, Interval]
    reliability: Reliability


@dataclass(frozen=True)
class Answer:
    """All results."""

    question: Question
    dataset: Dataset
    whole: Figures  # of the one model, or of the ensemble
    members: list[Figures]  # of an ensemble
    calibration: Calibration | None
    notes: list[str]  # on the choice of images and classes


def read_scales(text: str, views: str) -> tuple[int, ...]:
    """Return the scales of ``224,256,384``."""
    pick_view(views)
    if text and views != "multi-scale":
        raise InputError(f"--scales is for --views multi-scale, got --views {views}; leave one of them out")
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"--scales must be comma-separated whole numbers, got {text!r}: 224,256,384") from None


def ask(question: Question, batch_size: int, workers: int, device: str, calibrated: bool) -> Answer:
    """Measure each model, and all of them averaged."""
    check_precision(question)
    dataset = open_data(question.data, to_train=False, max_pixels=question.max_pixels)
    if question.split:
        images_of(dataset, question.split)
    check_match(question.match)
    make_frame((224, 224), 0, question.scales)  # refuses wrong sizes before loading anything
    place, found, notes = choose_device(device), [], []
    asked = question.split
    for name in question.models:
        model = open_model_or_export(name).to(place)
        if not asked and question.split and default_split(dataset, model) != question.split:
            raise InputError(
                f"some of the models were trained on {printable(dataset.name)} and others were not; choose the images: "
                "--split val (the images that training held out), or all"
            )
        question, chosen = _settled(question, dataset, model)
        notes += [note for note in chosen if note not in notes]
        found.append(
            predictions_of(
                model,
                dataset,
                split=question.split,
                views=question.views,
                scales=question.scales,
                batch_size=batch_size,
                workers=workers,
                precision=question.precision,
                match=question.match,
            )
        )
    names = [Path(name).name if Path(name).exists() else name for name in question.models]
    members = [_figures(name, one, question) for name, one in zip(names, found, strict=True)] if len(found) > 1 else []
    title = f"{len(found)} averaged" if members else names[0]
    whole = _figures(title, combine(found), question)
    fitted = calibrate(whole.predictions, seed=question.seed, bins=question.bins) if calibrated else None
    notes += note_lacking(f"--split {question.split}", dataset.classes, set(whole.predictions.labels.tolist()))
    return Answer(question, dataset, whole, members, fitted, notes)


def _settled(question: Question, dataset: Dataset, model: nn.Module) -> tuple[Question, list[str]]:
    """Return the question with its split settled, and notes on the choice of images and classes."""
    notes = []
    if not question.split:
        question = replace(question, split=default_split(dataset, model))
        if question.split == "all" and dataset.unsplit and getattr(model, "trained_on", None) is None:
            notes.append(
                f"all images of {printable(dataset.name)} are evaluated; if the model was trained on this folder, "
                "use --split val"
            )
    if question.match == "name" and not describe(model).classes:
        notes.append("the model's file has no class names: classes are matched by order")
    if question.match == "order":
        notes.append("classes are matched by order, whatever their names")
    return question, notes


def check_precision(question: Question) -> None:
    """Refuse an unknown precision, or one that a file does not support."""
    refuse_unknown(question.precision)
    if question.precision != "fp32" and (exports := _exports(question)):
        raise InputError(f"{exports[0]} computes in its exported precision; leave --precision out")


def _exports(question: Question) -> list[str]:
    from residuum_runtime.sessions import is_exported

    return [name for name in question.models if is_exported(name)]


def _figures(name: str, predictions: Predictions, question: Question) -> Figures:
    intervals = score_intervals(predictions.scores, seed=question.seed)
    return Figures(name, predictions, intervals, reliability(predictions, question.bins))


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the answer in machine-readable form."""
    question, scores = answer.question, answer.whole.predictions.scores
    per_class = zip(answer.dataset.classes, scores.per_class.tolist(), strict=False)
    content: dict[str, Any] = {
        "model": " + ".join(question.models),
        "models": list(question.models),
        "data": question.data,
        "split": question.split,
        "views": question.views,
        "scales": list(question.scales) or None,
        "precision": None if _exports(question) else question.precision,
        "pictures": len(scores),
        **_numbers(answer.whole),
        "intervals_are": f"{HOW}, seed {question.seed}",
        "bins": question.bins,
        "notes": [*answer.dataset.notes, *answer.notes],
        "per_class": {name: value if value == value else None for name, value in per_class},
    }
    if answer.members:
        content["members"] = [
            {"model": name, **_numbers(member)} for name, member in zip(question.models, answer.members, strict=True)
        ]
        best, gain = _gain(answer)
        content["gain"] = {"over": best.name, "points": _top1(answer.whole) - _top1(best), "interval": list(gain)}
    if (fitted := answer.calibration) is not None:
        content["calibration"] = {
            "temperature": fitted.temperature,
            "fitted_on": fitted.fitted_on,
            "measured_on": sum(fitted.before.pictures),
            "ece_before": fitted.before.ece,
            "ece_after": fitted.after.ece,
            "loss_before": fitted.loss_before,
            "loss_after": fitted.loss_after,
        }
    return content


def _numbers(figures: Figures) -> dict[str, Any]:
    scores = figures.predictions.scores
    intervals = {name: list(ends) for name, ends in figures.intervals.items()}
    return {
        "top1": scores.top1,
        "top5": scores.top5,
        "loss": scores.loss,
        "ece": figures.reliability.ece,
        "intervals": intervals,
    }


def _top1(figures: Figures) -> float:
    return figures.predictions.scores.top1


def _gain(answer: Answer) -> tuple[Figures, Interval]:
    """Return the best member, and the interval of the ensemble's gain over it."""
    best = max(answer.members, key=_top1)
    scores = answer.whole.predictions.scores, best.predictions.scores
    return best, gain_interval(*scores, seed=answer.question.seed)


def show(answer: Answer) -> None:
    """Print the answer in human-readable form."""
    dataset, question, scores = answer.dataset, answer.question, answer.whole.predictions.scores
    for note in _notes(answer):
        typer.echo(f"note: {note}", err=True)
    which = describe_split(dataset, question.split)
    count = count_of(len(scores), "image")
    say(f"{count} of {printable(dataset.name)} ({question.split}: {which}); seen: {seen_of(question)}")
    if answer.members:
        _show_members(answer)
    low, high = answer.whole.intervals["top1"]
    say(
        f"Acc@1 {scores.top1:.2f} % ({low:.2f} to {high:.2f})   Acc@5 {scores.top5:.2f} %   loss {scores.loss:.4f}   "
        f"ECE {answer.whole.reliability.ece:.2f} %"
    )
    say(f"in brackets: {HOW}; ECE: in {question.bins} bins")
    if answer.calibration is not None:
        say(said_of(answer.calibration))
    typer.echo()
    rows = [(name, _percent(value)) for name, value in zip(dataset.classes, scores.per_class.tolist(), strict=False)]
    show_table(["class", "Acc@1 %"], rows, numbers=["Acc@1 %"])


def _percent(value: float) -> str:
    return "no image" if value != value else f"{value:.1f}"


def said_of(fitted: Calibration) -> str:
    """Return a sentence on the calibration's result and its images."""
    others = sum(fitted.before.pictures)
    end = ", the end of the search," if not 1.01 * COLDEST < fitted.temperature < 0.99 * HOTTEST else ","
    return (
        f"Temperature {fitted.temperature:.{3 if fitted.temperature < 100 else 0}f}{end} fitted on "
        f"{count_of(fitted.fitted_on, 'image')}; on the {others:,} other{'' if others == 1 else 's'}, which had no "
        f"part in it, ECE goes from {fitted.before.ece:.2f} to {fitted.after.ece:.2f} % and the loss from "
        f"{fitted.loss_before:.4f} to {fitted.loss_after:.4f}."
    )


def _notes(answer: Answer) -> list[str]:
    notes, dataset, views = [*shortened(answer.dataset.notes), *answer.notes], answer.dataset, answer.question.views
    if isinstance(dataset.train, FileImages):  # training crops, scales and mirrors them
        return notes
    if views != "centre" and not dataset.augmentation.flip:
        notes.append("these views contain mirrored images, which training on this data does not use")
    if views == "multi-scale":
        notes.append("training on this data uses one scale only; other scales may lower the accuracy")
    return notes


def seen_of(question: Question) -> str:
    """Describe the views of each image that the network gets."""
    what = VIEWS[question.views].what
    if question.views == "multi-scale":
        usual = "the scales of He15 in proportion to the network's size"
        what += f", shorter sides {', '.join(map(str, question.scales)) or usual}"
    return f"{what}, in bf16" if question.precision == "bf16" else what


def _show_members(answer: Answer) -> None:
    rows = [
        (
            one.name,
            f"{_top1(one):.2f}",
            "{:.2f} to {:.2f}".format(*one.intervals["top1"]),
            f"{one.predictions.scores.top5:.2f}",
            f"{one.predictions.scores.loss:.4f}",
            f"{one.reliability.ece:.2f}",
        )
        for one in (*answer.members, answer.whole)
    ]
    columns = ["model", "Acc@1 %", "95 % interval", "Acc@5 %", "loss", "ECE %"]
    show_table(columns, rows, numbers=columns[1:])
    best, (low, high) = _gain(answer)
    gained = _top1(answer.whole) - _top1(best)
    say(f"\naveraged: {gained:+.2f} points over {best.name} ({low:+.2f} to {high:+.2f}, paired by image)")
