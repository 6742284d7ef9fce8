"""What follows from the weights that a run starts from: model, preprocessing, and a fine-tuning that suits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from .declaring import Value
from .draft import Draft
from .follow_data import usual

if TYPE_CHECKING:
    from ..data import Dataset
    from ..models import Description

PASSES = 30_000  # images shown in all, between the bounds below
LEAST_EPOCHS, MOST_EPOCHS = 5, 30
RATE = 0.02  # a fifth of that for new weights, at batches of 32 or more


def fine_tuning(dataset: Dataset, start: Description, batch_size: int) -> tuple[dict[str, Value], str]:
    """Return settings for teaching these weights this data, and why.

    Everything learns, batch norms' statistics too, at a small rate, with a short warm-up so that the new classifier's
    first steps do not spoil the features, and for the more epochs the fewer images there are. Nothing is frozen and
    the features' rate is not made smaller still: with 200 images of another kind than the weights know, either cost
    accuracy (LOG.md); whose images are of the same kind may ask for ``freeze`` and ``backbone_lr``. After Kornblith
    et al. 2019, arXiv:1805.08974, and Kolesnikov et al. 2020, arXiv:1912.11370; the numbers are ours.

    Args:
        dataset: the images.
        start: what the weights are.
        batch_size: images a step.
    """
    if list(start.classes) == list(dataset.classes):
        rate = round(0.01 * min(1.0, batch_size / 128), 6)
        return {
            "lr": rate
        }, "the weights know these classes already: everything learns on, at a tenth of the usual rate"
    pictures = len(dataset.train)
    epochs = max(LEAST_EPOCHS, min(MOST_EPOCHS, round(PASSES / pictures)))
    rate = round(RATE * min(1.0, batch_size / 32), 6)
    values: dict[str, Value] = {
        "opt": "nesterov", "lr": rate, "weight_decay": 1e-4, "sched": "cosine", "warmup_epochs": 1, "epochs": epochs,
        "label_smoothing": 0.1,
    }  # fmt: skip
    return values, (
        f"{pictures:,} images of {len(dataset.classes)} classes: the whole network learns at {rate:g}, a fifth of "
        f"the rate for new weights, batch norms follow the new images, nothing is frozen; {epochs} epochs, cosine "
        "after one of warm-up, label smoothing 0.1. Where the images are like those that the weights know, try "
        "--freeze 2"
    )


def follow_weights(draft: Draft, dataset: Dataset, start: Description) -> Draft:
    """Take model, preprocessing and licence from the weights, and a fine-tuning unless the rate was asked for."""
    from ..models.description import NEW_WEIGHTS

    asked = draft.said.get("model", start.model)
    if asked != start.model:
        raise InputError(f"the weights are of {start.model}, but the model asked for is {asked}; leave --model out")
    arguments = draft.said.get("model_arguments")
    arguments = {**start.arguments, **(arguments if isinstance(arguments, dict) else {})}
    draft = draft.choose(model=start.model).resolve(model_arguments=arguments)
    draft = draft.explain(model=f"the weights to start from are of {start.model}")
    if start.licence:
        draft = draft.choose(licence=start.licence)  # what is trained further stays under it
    if (shown := start.preprocessing) is not None:
        draft = draft.choose(image_size=list(shown.size), mean=list(shown.mean), std=list(shown.std))
    if start.provenance == NEW_WEIGHTS or "lr" in draft.said:  # a recipe's rate comes with its method
        return draft
    return _fine_tune(draft, dataset, start)


def _fine_tune(draft: Draft, dataset: Dataset, start: Description) -> Draft:
    batch_size = draft.said.get("batch_size") or usual(dataset)["batch_size"]
    assert isinstance(batch_size, int)
    chosen, reason = fine_tuning(dataset, start, batch_size)
    draft = draft.choose(**chosen)
    if "warmup_epochs" in chosen and draft.now.epochs <= draft.now.warmup_epochs:
        draft = draft.choose(warmup_epochs=0)
    if overruled := [key for key in chosen if key in draft.said]:
        reason += f"; but as you said: {', '.join(f'{key} {draft.said[key]}' for key in overruled)}"
    return draft.explain(**{"fine-tuning": reason})
