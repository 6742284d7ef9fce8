"""From what the user said to settings, each default with its reason."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from ..data import ArrayImages, Dataset
from ..data.augment import build_variation
from ..errors import InputError
from ..models import VARIANTS, Description, build
from ..models.counts import count
from ..models.description import NEW_WEIGHTS
from .cache import choose_cache
from .checks import check_streamed, check_views
from .fine_tune import fine_tuning
from .losses import build_loss
from .machine import training_macs_per_second
from .mixing import build_mix
from .optimisers import DECAYS, pick_optimiser
from .schedules import build_schedule

BUDGET_MINUTES = 30  # what a first training run on one's own pictures may take, where a smaller model allows it
VAL_SPLIT = 0.1  # share of the training pictures that chooses the epoch where there is a test set: He15's 45k/5k

# What works on the built-in sets; all else is common to all.
BUILT_IN: dict[str, dict[str, Any]] = {
    "digits": {"model": "cifar_resnet20", "epochs": 15, "batch_size": 64},
    "cifar10": {"model": "cifar_resnet20", "epochs": 30, "batch_size": 128},
    "fashion_mnist": {"model": "cifar_resnet20", "epochs": 10, "batch_size": 128},
}

COMMON: dict[str, Any] = {
    "opt": "sgd",
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "sched": "onecycle",
    "warmup_epochs": 0,
    "label_smoothing": 0.0,
    "seed": 0,
    "device": "auto",
    "precision": "auto",
    "val_precision": "auto",
    "kernels": "auto",
    "strict": False,
    "licence": "unspecified",
    "weights": None,
}


LEAST = {"grad_accum": 1, "keep": 1, "clip_grad": 0.0, "ema": 0.0, "checkpoint_every": 0}


class Candidate(NamedTuple):
    """A model and the size that it is given pictures at."""

    model: str
    size: int  # pixels
    least_pictures: int  # fewer do not teach a network of this size from scratch


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


@dataclass
class Plan:
    """Values for every setting but those measured later, and why they were taken."""

    values: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)


def make_plan(dataset: Dataset, given: dict[str, Any], start: Description | None = None) -> Plan:
    """Fill in what the user left open.

    Args:
        dataset: the pictures.
        given: settings by name, as in ``Settings``; ``num_classes`` too. Only what the user said.
        start: what the weights to start from are, if any.
    """
    said = {key: value for key, value in given.items() if key != "num_classes"}
    plan = Plan({**COMMON, **said})
    if start is not None:
        _follow(plan, start)
    defaults = _defaults(dataset, plan)
    if start is not None and start.provenance != NEW_WEIGHTS and "lr" not in said:  # a recipe's rate has its method
        _fine_tune(dataset, start, plan, said, defaults)
    for key, value in defaults.items():
        plan.values.setdefault(key, value)
    values = plan.values
    streamed = not isinstance(dataset.train, ArrayImages)
    from_scratch = 0.1 * min(1.0, values["batch_size"] / 128)
    _choose_protocol(dataset, plan)
    values.setdefault("lr", round(from_scratch, 6))
    values.setdefault("pad", dataset.augmentation.pad)
    values.setdefault("flip", dataset.augmentation.flip)
    values.setdefault("threads", torch.get_num_threads())
    values.setdefault("image_size", list(dataset.image_size))
    values.setdefault("mean", list(dataset.mean))
    values.setdefault("std", list(dataset.std))
    values.setdefault("resize", round(values["image_size"][0] * 256 / 224) if streamed else 0)
    choose_cache(values, plan.reasons)
    values.setdefault("workers", min(4, os.cpu_count() or 1) if streamed and not values["cache"] else 0)
    values["model_arguments"] = {
        "in_chans": len(values["mean"]),
        **values.get("model_arguments", {}),
        "num_classes": _num_classes(dataset, given.get("num_classes")),
    }
    _check(values)
    if streamed:
        check_streamed(values)
    return plan


def _choose_protocol(dataset: Dataset, plan: Plan) -> None:
    """Never choose an epoch on a test set: keep pictures back to choose by, or, after a recipe, take the last epoch."""
    values = plan.values
    own = 0.0 if values.get("recipe") or values.get("choose") == "last" or not dataset.val_is_test else VAL_SPLIT
    split = values.setdefault("val_split", own)
    values.setdefault("choose", "last" if dataset.val_is_test and not split else "best")
    if values["choose"] not in ("best", "last"):
        raise InputError(f"choose must be best or last, got {values['choose']!r}")


def _follow(plan: Plan, start: Description) -> None:
    """Take model and preprocessing from the weights to start from."""
    asked = plan.values.setdefault("model", start.model)
    if asked != start.model:
        raise InputError(f"the weights are of {start.model}, but the model asked for is {asked}; leave --model out")
    plan.values["model_arguments"] = {**start.arguments, **plan.values.get("model_arguments", {})}
    plan.reasons["model"] = f"the weights to start from are of {start.model}"
    if start.preprocessing is not None:
        plan.values.setdefault("image_size", list(start.preprocessing.size))
        plan.values["mean"], plan.values["std"] = list(start.preprocessing.mean), list(start.preprocessing.std)


def _fine_tune(
    dataset: Dataset, start: Description, plan: Plan, said: dict[str, Any], defaults: dict[str, Any]
) -> None:
    """Take what suits the number of pictures, where the user said nothing."""
    chosen, reason = fine_tuning(dataset, start, said.get("batch_size") or defaults["batch_size"])
    if "epochs" in chosen:
        plan.reasons.pop("epochs", None)
    if "warmup_epochs" in chosen and said.get("epochs", chosen["epochs"]) <= chosen["warmup_epochs"]:
        chosen["warmup_epochs"] = 0
    plan.values |= {**chosen, **said}
    if overruled := [key for key in chosen if key in said]:
        reason += f"; but as you said: {', '.join(f'{key} {said[key]}' for key in overruled)}"
    plan.reasons["fine-tuning"] = reason


def _num_classes(dataset: Dataset, wanted: int | None) -> int:
    if wanted is not None and wanted < len(dataset.classes):
        raise InputError(
            f"{dataset.name} has {len(dataset.classes)} classes, so num_classes must be at least that, got {wanted}"
        )
    return wanted or len(dataset.classes)


def _defaults(dataset: Dataset, plan: Plan) -> dict[str, Any]:
    if dataset.name in BUILT_IN:
        return BUILT_IN[dataset.name]
    return _own_pictures(dataset, plan)


def _own_pictures(dataset: Dataset, plan: Plan) -> dict[str, Any]:
    """Fit schedule, then model and size, to the number and size of the pictures and to this machine."""
    pictures = len(dataset.train)
    epochs = plan.values.get("epochs") or max(15, min(60, round(60_000 / pictures)))
    batch_size = 32 if pictures < 1_000 else 64 if pictures < 10_000 else 128
    plan.reasons["epochs"] = f"{epochs} epochs of {pictures:,} images"
    chosen: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size}
    if isinstance(dataset.train, ArrayImages):
        plan.reasons["model"] = f"images of {dataset.image_size[0]}x{dataset.image_size[1]} are for the CIFAR networks"
        return {**chosen, "model": "cifar_resnet20"}
    if "model" in plan.values:
        name = plan.values["model"]
        size = VARIANTS[name].image_size if name in VARIANTS else 224
        return {**chosen, "image_size": [size, size]}
    candidate, minutes = _choose(dataset, epochs)
    side = min(dataset.image_size)
    plan.reasons["model"] = (
        f"the most able one for {pictures:,} images of about {side} pixels that should train here within "
        f"{BUDGET_MINUTES} minutes: about {max(1, round(minutes))}"
    )
    return {**chosen, "model": candidate.model, "image_size": [candidate.size, candidate.size]}


def _choose(dataset: Dataset, epochs: int) -> tuple[Candidate, float]:
    """Return the first candidate that the pictures and the machine allow, else the quickest, with its minutes."""
    rate = training_macs_per_second()
    side, minutes = min(dataset.image_size), 0.0
    for candidate in CANDIDATES:
        with torch.device("meta"):
            model = build(candidate.model, num_classes=len(dataset.classes))
        macs = count(model, (3, candidate.size, candidate.size)).macs
        minutes = 3 * macs * len(dataset.train) * epochs / rate / 60  # forward, and twice that backward
        if (
            len(dataset.train) >= candidate.least_pictures
            and candidate.size <= 1.3 * side
            and minutes <= BUDGET_MINUTES
        ):
            return candidate, minutes
    return CANDIDATES[-1], minutes


def _check(values: dict[str, Any]) -> None:
    pick_optimiser(values["opt"])
    build_schedule(values["sched"], total=1)
    for key in ("epochs", "batch_size", "threads"):
        if values[key] < 1:
            raise InputError(f"{key} must be at least 1, got {values[key]}")
    for key in ("lr", "weight_decay", "momentum", "warmup_epochs", "label_smoothing", "workers"):
        if values[key] < 0:
            raise InputError(f"{key} must not be negative, got {values[key]}")
    for key, least in LEAST.items():
        if values.get(key, least) < least:
            raise InputError(f"{key} must be at least {least:g}, got {values[key]}")
    if values.get("ema", 0) >= 1:
        raise InputError(f"ema, a decay, must be below 1 (0.999, say; 0 keeps no average), got {values['ema']}")
    if values["momentum"] >= 1 or values["label_smoothing"] >= 1:
        raise InputError(
            f"momentum and label_smoothing must be below 1, got {values['momentum']} and {values['label_smoothing']}"
        )
    _check_method(values)
    if not 0 <= values["warmup_epochs"] < values["epochs"]:
        raise InputError(f"warmup_epochs must be below epochs, got {values['warmup_epochs']} of {values['epochs']}")


def _check_method(values: dict[str, Any]) -> None:
    """Find what cannot be before anything is read or measured."""
    build_loss(values.get("loss", "cross_entropy"), values["label_smoothing"])
    build_mix(values.get("mixup", 0.0), values.get("cutmix", 0.0), 2)
    build_variation(values.get("auto_augment"), values.get("random_erasing", 0.0), values["mean"])
    milestones = values.get("milestones", [0.5, 0.75])
    if milestones != sorted(milestones) or not all(0 < milestone < 1 for milestone in milestones):
        raise InputError(f"milestones, shares of the run, must rise between 0 and 1, got {milestones}")
    check_views(values)
    for key in ("crop_scale", "gamma", "backbone_lr"):
        if not 0 < values.get(key, 1.0) <= 1:
            raise InputError(f"{key} must be above 0 and at most 1, got {values[key]}")
    if values.get("decay", DECAYS[0]) not in DECAYS:
        raise InputError(f"decay must be {' or '.join(DECAYS)}, got {values['decay']!r}")
