"""The end of a run: its result, and its report, from the chosen weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ..data import ArrayImages, Dataset, FileImages
from ..evaluation import Scores, evaluate
from ..report.run_page import Mistake, RunData, write_run_report
from ..report.watching import Watched
from ..weights import load
from .facts import facts
from .records import read_numbers
from .result import RESULT, final_dataset, protocol_note, result_of, write_result
from .run import BEST, STEPS, TIMING, Run
from .state import use_kernels

WORST = 24
PAGE = "report.html"


def conclude(run: Run, *, report: bool) -> None:
    """End a run: measure its chosen weights and write ``result.json`` and (if wanted) ``report.html``.

    One view of each image is measured in float32, several in the run's precision. This is the only place where test
    images are looked at; what stands there already is not measured again.
    """
    there = (run.directory / RESULT).exists() and (not report or (run.directory / PAGE).exists())
    if there or not run.history:
        return
    scores, settings = None, run.settings
    if report or run.dataset.test is not None or settings.views != "centre" or settings.val_precision != "fp32":
        model = load(run.directory / BEST)
        use_kernels(model, settings)
        precision = "fp32" if settings.views == "centre" else settings.precision
        scores = evaluate(model, final_dataset(run.dataset), split="val", views=settings.views, precision=precision)
    write_result(run.directory, result_of(run.settings, run.dataset, run.history, scores))
    if report and scores is not None:
        _write_report(run, scores)


def _write_report(run: Run, scores: Scores) -> None:
    told, dataset = facts(run), final_dataset(run.dataset)
    data = RunData(
        title=f"{run.settings.model} on {Path(dataset.name).name}",
        facts=told,
        history=run.history,
        classes=[*dataset.classes, *(f"class {n}" for n in range(len(dataset.classes), scores.num_classes))],
        confusion=scores.confusion.numpy(),
        mistakes=mistakes(dataset, dataset.val, scores),
        notes=[protocol_note(run.settings, run.dataset), *dataset.notes],
        watched=Watched(read_numbers(run.directory / STEPS), run.history, read_numbers(run.directory / TIMING)),
    )
    write_run_report(run.directory, data)


def mistakes(dataset: Dataset, images: ArrayImages | FileImages, scores: Scores) -> list[Mistake]:
    """Return the images that were mistaken most confidently, surest first."""
    return [_mistake(dataset, images, scores, index) for index in scores.worst(WORST)]


def _mistake(dataset: Dataset, images: ArrayImages | FileImages, scores: Scores, index: int) -> Mistake:
    if isinstance(images, ArrayImages):
        name, pixels = f"image {index}", images.pixels[index]
    else:
        name, pixels = images.names[index], images.picture(index)
    classes = dataset.classes
    predicted = int(scores.ranked[index, 0])
    return Mistake(
        image=_for_people(pixels),
        truth=classes[int(scores.labels[index])],
        predicted=classes[predicted] if predicted < len(classes) else f"class {predicted}",
        confidence=float(scores.confidence[index]),
        name=name,
    )


def _for_people(pixels: Tensor) -> np.ndarray:
    """Return [H, W, 3] or [H, W], large photographs thinned to at most 160 pixels a side."""
    every = max(1, max(pixels.shape[-2:]) // 160)
    thinned = pixels[:, ::every, ::every]
    return thinned[0].numpy() if len(thinned) == 1 else thinned.permute(1, 2, 0).numpy()
