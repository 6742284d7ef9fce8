"""Which fine-tuning suits weights that are taught other classes."""

from __future__ import annotations

from typing import Any

from ..data import Dataset
from ..models import Description

PASSES = 30_000  # pictures shown in all, between the bounds below
LEAST_EPOCHS, MOST_EPOCHS = 5, 30
RATE = 0.02  # a fifth of that for new weights, at batches of 32 or more


def fine_tuning(dataset: Dataset, start: Description, batch_size: int) -> tuple[dict[str, Any], str]:
    """Return settings for teaching these weights this data, and why.

    Everything learns, batch norms' statistics too, at a small rate, with a short warm-up so that the new classifier's
    first steps do not spoil the features, and for the more epochs the fewer pictures there are. Nothing is frozen and
    the features' rate is not made smaller still: with 200 pictures of another kind than the weights know, either cost
    accuracy (LOG.md); whose pictures are of the same kind may ask for ``freeze`` and ``backbone_lr``. After Kornblith
    et al. 2019, arXiv:1805.08974, and Kolesnikov et al. 2020, arXiv:1912.11370; the numbers are ours.

    Args:
        dataset: the pictures.
        start: what the weights are.
        batch_size: pictures a step.
    """
    if list(start.classes) == list(dataset.classes):
        rate = round(0.01 * min(1.0, batch_size / 128), 6)
        return {
            "lr": rate
        }, "the weights know these classes already: everything learns on, at a tenth of the usual rate"
    pictures = len(dataset.train)
    epochs = max(LEAST_EPOCHS, min(MOST_EPOCHS, round(PASSES / pictures)))
    rate = round(RATE * min(1.0, batch_size / 32), 6)
    values: dict[str, Any] = {
        "opt": "nesterov", "lr": rate, "weight_decay": 1e-4, "sched": "cosine", "warmup_epochs": 1, "epochs": epochs,
        "label_smoothing": 0.1,
    }  # fmt: skip
    return values, (
        f"{pictures:,} images of {len(dataset.classes)} classes: the whole network learns at {rate:g}, a fifth of "
        f"the rate for new weights, batch norms follow the new images, nothing is frozen; {epochs} epochs, cosine "
        "after one of warm-up, label smoothing 0.1. Where the images are like those that the weights know, try "
        "--freeze 2"
    )
