"""What follows from the images: schedule, model and size, preprocessing, and how an epoch is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .declaring import AUTO
from .draft import Draft

if TYPE_CHECKING:
    from ..data import Dataset

BUDGET_MINUTES = 30  # what a first training run on one's own images may take, where a smaller model allows it
VAL_SPLIT = 0.1  # share of the training images that chooses the epoch where there is a test set: He15's 45k/5k

# What works on the built-in sets; all else is common to all.
BUILT_IN: dict[str, dict[str, Any]] = {
    "digits": {"model": "cifar_resnet20", "epochs": 15, "batch_size": 64},
    "cifar10": {"model": "cifar_resnet20", "epochs": 30, "batch_size": 128},
    "fashion_mnist": {"model": "cifar_resnet20", "epochs": 10, "batch_size": 128},
}


class Candidate(NamedTuple):
    """A model and the size that it is given images at."""

    model: str
    size: int  # pixels
    least_images: int  # fewer do not teach a network of this size from scratch


# For photographs, from the most able to the quickest.
CANDIDATES = (
    Candidate("resnet50", 224, 20_000),
    Candidate("resnet34", 224, 5_000),
    Candidate("resnet18", 224, 1_000),
    Candidate("resnet18", 160, 500),
    Candidate("resnet18", 128, 0),
    Candidate("cifar_resnet32", 64, 0),
    Candidate("cifar_resnet20", 48, 0),
)


def follow_data(draft: Draft, dataset: Dataset, macs_per_second: Callable[[], float]) -> Draft:
    """Return the draft with everything that the images decide.

    Args:
        draft: what was asked for, and what the weights decide.
        dataset: the images.
        macs_per_second: measures how fast this machine trains; called only where a model is to be chosen.
    """
    draft = _fit_schedule(draft, dataset)
    draft = _fit_model(draft, dataset, macs_per_second)
    draft = _choose_protocol(draft, dataset)
    draft = draft.fill(
        lr=round(0.1 * min(1.0, draft.now.batch_size / 128), 6),
        pad=dataset.augmentation.pad,
        flip=dataset.augmentation.flip,
        image_size=list(dataset.image_size),
        mean=list(dataset.mean),
        std=list(dataset.std),
    )
    draft = draft.fill(resize=round(draft.now.image_size[0] * 256 / 224) if streams(dataset) else 0)
    arguments = vars(draft.now).get("model_arguments", {})
    classes = _num_classes(dataset, (draft.said.get("model_arguments") or {}).get("num_classes"))  # pyright: ignore
    draft = draft.resolve(model_arguments={"in_chans": len(draft.now.mean), **arguments, "num_classes": classes})
    return _fit_cache(draft)


def streams(dataset: Dataset) -> bool:
    """Return whether the images are files, decoded as they come."""
    from ..data import ArrayImages

    return not isinstance(dataset.train, ArrayImages)


def usual(dataset: Dataset) -> dict[str, int]:
    """Return epochs and batch size that suit the data."""
    if dataset.name in BUILT_IN:
        return {key: BUILT_IN[dataset.name][key] for key in ("epochs", "batch_size")}
    images = len(dataset.train)
    batch_size = 32 if images < 1_000 else 64 if images < 10_000 else 128
    return {"epochs": max(15, min(60, round(60_000 / images))), "batch_size": batch_size}


def _fit_schedule(draft: Draft, dataset: Dataset) -> Draft:
    chosen = "epochs" in draft.chosen  # by the weights, whose reason names them
    draft = draft.fill(**usual(dataset))
    if dataset.name in BUILT_IN or chosen:
        return draft
    return draft.explain(epochs=f"{draft.now.epochs} epochs of {len(dataset.train):,} images")


def _fit_model(draft: Draft, dataset: Dataset, macs_per_second: Callable[[], float]) -> Draft:
    """Fit model and size to the number and size of the images and to this machine."""
    from ..models import VARIANTS

    if dataset.name in BUILT_IN:
        return draft.fill(model=BUILT_IN[dataset.name]["model"])
    if not streams(dataset):
        height, width = dataset.image_size
        reason = f"images of {height}x{width} are for the CIFAR networks"
        return draft.fill(model="cifar_resnet20").explain(model=reason)
    if "model" in vars(draft.now):
        name = draft.now.model
        size = VARIANTS[name].image_size if name in VARIANTS else 224
        return draft.fill(image_size=[size, size])
    candidate, minutes = _choose(dataset, draft.now.epochs, macs_per_second())
    reason = (
        f"the most able one for {len(dataset.train):,} images of about {min(dataset.image_size)} pixels that should "
        f"train here within {BUDGET_MINUTES} minutes: about {max(1, round(minutes))}"
    )
    return draft.fill(model=candidate.model, image_size=[candidate.size, candidate.size]).explain(model=reason)


def _choose(dataset: Dataset, epochs: int, rate: float) -> tuple[Candidate, float]:
    """Return the first candidate that the images and the machine allow, else the quickest, with its minutes."""
    import torch

    from ..models import build
    from ..models.counts import count

    side, minutes = min(dataset.image_size), 0.0
    for candidate in CANDIDATES:
        with torch.device("meta"):
            model = build(candidate.model, num_classes=len(dataset.classes))
        macs = count(model, (3, candidate.size, candidate.size)).macs
        minutes = 3 * macs * len(dataset.train) * epochs / rate / 60  # forward, and twice that backward
        if len(dataset.train) >= candidate.least_images and candidate.size <= 1.3 * side and minutes <= BUDGET_MINUTES:
            return candidate, minutes
    return CANDIDATES[-1], minutes


def _choose_protocol(draft: Draft, dataset: Dataset) -> Draft:
    """Never choose an epoch on a test set: keep images back to choose by, or, after a recipe, take the last epoch."""
    last = draft.said.get("recipe") or draft.said.get("choose") == "last"
    draft = draft.fill(val_split=0.0 if last or not dataset.val_is_test else VAL_SPLIT)
    return draft.fill(choose="last" if dataset.val_is_test and not draft.now.val_split else "best")


def _num_classes(dataset: Dataset, wanted: int | None) -> int:
    if wanted is not None and wanted < len(dataset.classes):
        raise InputError(
            f"{dataset.name} has {len(dataset.classes)} classes, so num_classes must be at least that, got {wanted}"
        )
    return wanted or len(dataset.classes)


def _fit_cache(draft: Draft) -> Draft:
    """Cache at the size that evaluation resizes to, so that it sees the same bits, or at the larger one asked for."""
    now = draft.now
    least = now.resize or max(now.image_size)
    if now.cache == AUTO:
        reason = "what evaluation resizes to; random crops are taken from the stored images"
        return draft.resolve(cache=least).explain(cache=reason)
    if 0 != now.cache < least:
        raise InputError(
            f"the cache must keep images of at least {least} pixels, which evaluation resizes the shorter side to, "
            f"got {now.cache}; leave --cache-size out, or take a smaller --image-size"
        )
    return draft
