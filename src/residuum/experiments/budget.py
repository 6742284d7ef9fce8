"""Fit a study to its budget of minutes, by one rule that the report repeats.

Each network of the study makes a few training steps on one thread. Its seconds per image give the time of all members
together. If that exceeds the budget, the rule reduces epochs, down to LEAST_EPOCHS; if it still does,
then images, for training and validation, down to LEAST_PICTURES; if even that exceeds the budget, a note states it
and the study runs. The rule never changes the caller's number of seeds.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from ..data import Dataset, open_data
from ..errors import InputError
from ..machine.precision_trial import choose_precision
from ..models import build
from .form import Members, Options, Study

LEAST_EPOCHS = 3
LEAST_PICTURES = 1000
VALIDATION = 1 / 3  # of a training step's time per image: validation runs forward without backward


class Fitted(NamedTuple):
    """Options that fit, and notes on the changes and their reasons."""

    options: Options
    notes: list[str]


def fitted(study: Study, options: Options, minutes: float, workers: int) -> Fitted:
    """Return options whose members train within that many minutes, if the rule above allows."""
    if minutes <= 0:
        raise InputError(f"the budget must be more than 0 minutes, got {minutes:g}; leave it out for no limit")
    members = study.members(options)
    if not members:
        return Fitted(replace(options, minutes=minutes), [f"The study was given {minutes:g} minutes."])
    dataset = open_data(options.data)
    minutes_a_share = _costs(members, dataset, workers)

    def needed(epochs: int, share: float) -> float:
        return sum(minutes * share * math.ceil(epochs * own / first) for own, minutes in minutes_a_share)

    first = max(settings["epochs"] for settings in members.values())
    epochs, share = first, 1.0
    while needed(epochs, share) > minutes and epochs > LEAST_EPOCHS:
        epochs -= 1
    if (full := needed(epochs, 1.0)) > minutes:
        share = max(minutes / full, min(1.0, LEAST_PICTURES / len(dataset.train)))
    options, notes = _limit(options, dataset, epochs, share)
    notes.insert(0, f"A short trial predicted {needed(first, 1.0):.1f} minutes for {first} epochs of all images, "
                    f"{workers} at a time; the budget was {minutes:g}.")  # fmt: skip
    if (least := needed(epochs, share)) > minutes * 1.05:
        notes.append(f"That is the least that the rule allows, with an expected time of {least:.1f} minutes.")
    return Fitted(options, notes)


def foreseen_minutes(study: Study, options: Options, workers: int) -> float:
    """Return the expected minutes of training of a study's members, from a short trial of each network."""
    members = study.members(options)
    if not members:
        return 0.0
    costs = _costs(members, open_data(options.data), workers)
    return sum(epochs * minutes for epochs, minutes in costs)


def _costs(members: Members, dataset: Dataset, workers: int) -> list[tuple[int, float]]:
    """Return each member's epochs, and the minutes of one epoch divided by the number of parallel members."""
    rates = {key: _seconds_a_picture(dataset, settings) for key, settings in _networks(members).items()}
    images = len(dataset.train) + VALIDATION * len(dataset.val)
    return [(s["epochs"], rates[_key(s)] * images / 60 / workers) for s in members.values()]


def _limit(options: Options, dataset: Dataset, epochs: int, share: float) -> tuple[Options, list[str]]:
    if share == 1.0:
        return replace(options, epochs=epochs), [f"It trained {epochs} epochs of all images."]
    train, val = max(1, round(share * len(dataset.train))), max(1, round(share * len(dataset.val)))
    data = f"{options.data.split('[:')[0]}[:{train},:{val}]"
    note = f"It trained {epochs} epochs of {train:,} images and validated on {val:,}."
    return replace(options, epochs=epochs, data=data), [note]


def measured_precision(study: Study, options: Options) -> str:
    """Return the faster precision for the study's largest network on this machine, from a few steps of each."""
    members = study.members(options)
    if not members:
        return options.precision
    dataset = open_data(options.data)
    models = [_build(dataset, settings) for settings in _networks(members).values()]
    largest = max(models, key=lambda model: sum(1 for _ in model.modules()))
    return choose_precision(largest, (dataset.channels, *dataset.image_size), "cpu").precision


def _networks(members: Members) -> dict[str, dict[str, Any]]:
    """Return one member for each network among them."""
    return {_key(settings): settings for settings in members.values()}


def _key(settings: dict[str, Any]) -> str:
    return json.dumps([settings["model"], settings.get("model_arguments", {})], sort_keys=True)


def _seconds_a_picture(dataset: Dataset, settings: dict[str, Any]) -> float:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        shape = (dataset.channels, *dataset.image_size)
        trial = choose_precision(_build(dataset, settings), shape, "cpu", settings["precision"])
    finally:
        torch.set_num_threads(before)
    return 1 / trial.images_per_second


def _build(dataset: Dataset, settings: dict[str, Any]) -> torch.nn.Module:
    arguments = {"in_chans": dataset.channels, "num_classes": len(dataset.classes)}
    return build(settings["model"], **{**arguments, **settings.get("model_arguments", {})})
