"""What a run ends with: one set of weights, and one number that may be published."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..data import Dataset
from ..errors import InputError
from ..evaluation import Scores
from ..files import write_text
from ..settings import Settings

RESULT = "result.json"


@dataclass(frozen=True)
class Result:
    """The chosen weights' accuracy."""

    epoch: int  # whose weights were taken
    chosen: str  # how
    measured_on: str
    pictures: int
    acc1: float  # percent
    acc5: float
    loss: float

    @property
    def error(self) -> float:
        """Top-1 error, percent."""
        return 100 - self.acc1


def final_dataset(dataset: Dataset) -> Dataset:
    """Return the data set with the images that the result is measured on where validation's are."""
    if dataset.test is None:
        return dataset
    return replace(dataset, val=dataset.test, val_is=dataset.test_is, test=None)


def result_of(settings: Settings, dataset: Dataset, history: list[dict[str, float]], scores: Scores | None) -> Result:
    """Return the result from the chosen weights' scores, or (without a test set) from the run's own history."""
    row, final = chosen_row(settings, history), final_dataset(dataset)
    if scores is None:
        numbers = row["val_acc1"], row["val_acc5"], row["val_loss"]
    else:
        numbers = scores.top1, scores.top5, scores.loss
    if settings.views == "centre":
        seen = "" if settings.val_precision == "fp32" else ", in float32"
    else:
        seen = f", {settings.views} views" + ("" if settings.precision == "fp32" else f", in {settings.precision}")
    return Result(int(row["epoch"]), how(settings, dataset), final.val_is + seen, len(final.val), *numbers)


def chosen_row(settings: Settings, history: list[dict[str, float]]) -> dict[str, float]:
    """Return the row of the epoch whose weights are taken: the last, or the first of the best."""
    return history[-1] if settings.choose == "last" else max(history, key=lambda row: row["val_acc1"])


def how(settings: Settings, dataset: Dataset) -> str:
    """Say how the epoch was chosen."""
    if settings.choose == "last":
        return "the last epoch"
    return f"the best of {settings.epochs} epochs on {len(dataset.val):,} images ({dataset.val_is})"


def protocol_note(settings: Settings, dataset: Dataset) -> str:
    """Say what the number is worth, for the report."""
    if dataset.test is not None:
        epoch = "The last epoch's weights" if settings.choose == "last" else "The best epoch's weights"
        by = "were taken" if settings.choose == "last" else f"were chosen on {dataset.val_is}"
        return f"{epoch} {by}; the test images ({dataset.test_is}) were looked at once, at the end."
    if settings.choose == "last":
        return (
            f"The result is the last epoch's: nothing was chosen on the images that it is measured on "
            f"({dataset.val_is}), and the curve only shows the way there."
        )
    return (
        f"The best epoch was chosen on the same images ({dataset.val_is}) that the accuracy is measured on, "
        "which flatters it a little."
    )


def write_result(directory: Path, result: Result) -> None:
    """Write ``result.json``."""
    write_text(directory / RESULT, json.dumps(asdict(result), indent=2) + "\n")


def read_result(directory: Path) -> Result:
    """Read ``result.json``; raise InputError where the run has not ended."""
    path = directory / RESULT
    if not path.exists():
        raise InputError(f"{directory} has no {RESULT}: the run has not ended; resume it with residuum train --resume")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Result(**found)
