"""The report of a run, from its best weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ..data import ArrayImages, Dataset, FileImages, decode
from ..evaluation import Scores, evaluate
from ..report.run import Mistake, RunData, write_run_report
from ..weights import load

WORST = 24


def write_report(
    directory: Path, best: Path, dataset: Dataset, facts: dict[str, str], history: list[dict[str, float]]
) -> Scores:
    """Score the best weights on the validation pictures and write ``report.html`` with its pictures."""
    model = load(best)
    scores = evaluate(model, dataset)
    notes = [
        f"The best epoch was chosen on the same pictures ({dataset.val_is}) that the accuracy is measured on, "
        "which flatters it a little."
    ]
    data = RunData(
        title=f"{facts['model'].split(' at ')[0]} on {Path(dataset.name).name}",
        facts=facts,
        history=history,
        classes=list(dataset.classes),
        confusion=scores.confusion.numpy(),
        mistakes=mistakes(dataset, dataset.val, scores),
        notes=[*notes, *dataset.notes],
    )
    write_run_report(directory, data)
    return scores


def mistakes(dataset: Dataset, images: ArrayImages | FileImages, scores: Scores) -> list[Mistake]:
    """Return the pictures that were mistaken most confidently, surest first."""
    return [_mistake(dataset, images, scores, index) for index in scores.worst(WORST)]


def _mistake(dataset: Dataset, images: ArrayImages | FileImages, scores: Scores, index: int) -> Mistake:
    if isinstance(images, ArrayImages):
        name, pixels = f"picture {index}", images.pixels[index]
    else:
        name, pixels = images.names[index], decode(images.root / images.names[index])
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
