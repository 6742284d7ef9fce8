"""Measure the runs of another study without training or copying; refuse runs that do not match, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data import open_data
from ..errors import InputError
from ..models import build
from ..models.description import Description, Preprocessing, attach
from ..seeds import drawing
from ..settings import Settings
from ..settings.file import differing, read_settings
from ..training.records import read_rows
from ..training.run import CONFIG, LAST, SUMMARY
from ..weights import load
from .form import EPOCHS_KEPT, WATCHED, History, Members, Study, read_json, write_json
from .members import AFTER


def adopted_histories(study: Study, members: Members, runs: Path, output: Path) -> dict[str, History]:
    """Return the history of each member from the runs of another study's folder.

    The study's ``watch`` runs on each epoch's weights; its results are kept in ``output``.

    Args:
        study: provides ``watch``.
        members: settings by name; a finished run of the same name must have them.
        runs: the other study's folder.
        output: this study's folder.

    Raises:
        InputError: a member is missing, has other settings, is not finished, or lacks the weights of needed epochs.
    """
    if not members:
        raise InputError(f"--runs gives trained members, but this study trains none; leave --runs {runs} out")
    histories = {name: _history(runs / name, settings) for name, settings in members.items()}
    if (watch := getattr(study, "watch", None)) is not None:
        for name, history in histories.items():
            _watch_epochs(runs / name, output / name / WATCHED, watch, len(history))
    return histories


def _history(directory: Path, given: dict[str, Any]) -> History:
    """Return a finished run's history after checking its settings."""
    if not (directory / CONFIG).exists():
        raise InputError(f"--runs must hold a run named {directory.name}, but {directory} is none; leave --runs out")
    asked = {key: value for key, value in given.items() if key != AFTER}
    settings = read_settings(directory / CONFIG)
    if wrong := differing(settings, asked):
        raise InputError(f"{directory} has other settings ({'; '.join(wrong)}); give the options of that study")
    history = read_rows(directory / SUMMARY)
    if len(history) < settings.epochs or not (directory / LAST).exists():
        raise InputError(f"{directory} has {len(history)} of {settings.epochs} epochs; finish its study first")
    return history


def _watch_epochs(run: Path, path: Path, watch: Any, epochs: int) -> None:
    """Watch the initial weights and the weights of every epoch, unless done before."""
    if path.exists() and len(read_json(path)) == epochs + 1:
        return
    kept = [run / EPOCHS_KEPT / f"{epoch:04}.safetensors" for epoch in range(1, epochs + 1)]
    if missing := [file for file in kept if not file.exists()]:
        raise InputError(f"{run} kept no weights of epoch {int(missing[0].stem)}, which this study needs; train again")
    settings = read_settings(run / CONFIG)
    dataset = open_data(settings.data)
    models = [_first(settings, dataset.classes), *map(load, kept)]
    rows = [{"epoch": epoch, **watch(model.eval(), dataset, epoch)} for epoch, model in enumerate(models)]
    write_json(path, rows)


def _first(settings: Settings, classes: Sequence[str]) -> Any:
    """Return a run's initial weights, as its seed draws them."""
    if settings.weights:
        return load(settings.weights)
    with drawing(settings.seed, "init"):
        model = build(settings.model, **settings.model_arguments)
    height, width = settings.image_size
    preprocessing = Preprocessing((height, width), tuple(settings.mean), tuple(settings.std), settings.resize)
    attach(model, Description(settings.model, settings.model_arguments, list(classes), preprocessing))
    return model
