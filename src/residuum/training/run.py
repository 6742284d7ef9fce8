"""A run: one training directory, its settings settled and its model built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from residuum_runtime.names import printable

from .. import __version__
from ..data import Dataset, open_data, pack_images, split_off
from ..data.packing import Tell, quiet
from ..errors import InputError
from ..files import refusals_told, sweep
from ..models import Description, Preprocessing, attach, build, describe
from ..models.counts import Counts, count
from ..seeds import drawing
from ..weights import load
from ..workers import refuse_imported_script
from .allocator import keep_freed_memory
from .checkpoint import newest_checkpoint
from .distribution import part_of
from .environment import check_data, moved
from .first_step import check_first_step
from .given import read_given
from .kernels import choose_kernels
from .plan import make_plan
from .precision import Trial, choose_device, choose_precision, choose_val_precision
from .processes import ALONE, World
from .recipe import with_recipe
from .resuming import changed, check_place
from .settings import Settings, read_settings
from .start import START
from .whitening import whiten_first_layer

CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
SUMMARY, TIMING, STEPS = "summary.csv", "timing.csv", "steps.csv"
BEST, LAST, LOCK = "model.safetensors", "last.safetensors", "run.lock"


@dataclass
class Run:
    """A run that is ready to train.

    >>> run = resumed_run("runs/mine", {})
    >>> run.settings.epochs, run.dataset.name
    (1, 'digits')
    """

    directory: Path
    settings: Settings
    dataset: Dataset
    model: nn.Module
    counts: Counts
    reasons: dict[str, str]  # why a setting is what it is
    images_per_second: float  # measured in the trial; 0 where none was made
    state: dict[str, Any] | None = None  # the checkpoint to go on from
    history: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was met on resuming, for people
    world: World = ALONE


def new_run(output: str | Path, given: dict[str, Any], world: World = ALONE, tell: Tell = quiet) -> Run:
    """Settle every setting, build the model and make the directory.

    Args:
        output: the run's directory; it must not exist or be empty.
        given: settings by name (``data``, ``model``, ``epochs``, ...); what is left out is chosen.
        world: which of the processes that train it this one is.
        tell: is told of work that takes long before the first step: decoding a folder into the cache.

    >>> run = new_run("runs/small", {"data": "digits[:64,:32]", "model": "cifar_resnet", "epochs": 1,
    ...                              "model_arguments": {"depth": 8}, "precision": "fp32"})
    >>> run.settings.lr
    0.05
    """
    refuse_imported_script()
    given = read_given(given)
    given["processes"] = checked_processes(world, given.get("processes"))
    directory = Path(output)
    sweep(directory)  # what a process left that was killed as it began this run
    with refusals_told(directory):
        stands = directory.exists()
    if stands and (not directory.is_dir() or any(path.name != START for path in directory.iterdir())):
        raise InputError(
            f"the output must be a new or empty folder, but {directory} is in use; "
            f"choose another, or go on with `residuum train --resume {directory}`"
        )
    given = with_recipe(given)
    dataset = open_data(given["data"], strict=given.get("strict", False), max_pixels=given.get("max_pixels"))
    start = load(given["weights"]) if given.get("weights") else None
    if start is not None and (licence := describe(start).licence):
        given = {"licence": licence, **given}  # what is trained further stays under it
    plan = make_plan(dataset, given, describe(start) if start is not None else None)
    values = plan.values
    dataset = split_off(dataset, values["val_split"]) if values["val_split"] else dataset
    _set_up(values["threads"])
    values["device"] = choose_device(values["device"], world)
    model = _first_model(values, start, dataset)
    part_of(world, values["batch_size"], len(dataset.train))
    check_first_step(model, values, len(dataset.train), world.size)
    shape = (len(values["mean"]), values["image_size"][0], values["image_size"][1])
    values["kernels"] = choose_kernels(values["device"], values["kernels"])
    trial = choose_precision(model, shape, values["device"], values["precision"], values["kernels"])
    values["precision"] = trial.precision
    values["val_precision"] = choose_val_precision(trial.precision, values["val_precision"])
    settings = Settings(**{**values, "data": str(given["data"])})
    dataset = pack_images(dataset, settings.cache, tell) if settings.cache else dataset
    settings.write(directory / CONFIG)
    return _ready(directory, settings, dataset, model, world, plan.reasons, trial)


def resumed_run(directory: str | Path, asked: dict[str, Any], world: World = ALONE, tell: Tell = quiet) -> Run:
    """Open a run that was interrupted.

    Args:
        directory: the run's.
        asked: settings given again. Each must be what the run has, but for what the machine decides: ``workers``,
            ``threads``, and ``data``, the place of a folder that has moved.
        world: which of the processes that train it this one is.
        tell: is told of work that takes long before the first step.

    >>> resumed_run("runs/mine", {}).state["epoch"]  # doctest: +SKIP
    1
    >>> resumed_run("runs/mine", {"lr": 3.0})
    Traceback (most recent call last):
    residuum_runtime.errors.InputError: a resumed run keeps its settings, but these differ: lr: saved 0.025, ...
    """
    directory = Path(directory)
    kept = read_settings(directory / CONFIG)
    settings, notes = changed(kept, read_given(asked), directory)
    if settings.processes != world.size:
        raise InputError(
            f"a resumed run keeps its number of processes, which decides its last bits: it has {settings.processes}, "
            f"but {world.size} are running; start {settings.processes}"
        )
    check_place(settings.data, directory)
    _set_up(settings.threads)
    dataset = _pictures(settings, tell)
    check_data(directory / ENVIRONMENT, dataset, moved=settings.data != kept.data)
    found = newest_checkpoint(directory)
    if found is None:  # it died before its first checkpoint, and begins again
        start = load(settings.weights) if settings.weights else None
        model = _first_model(asdict(settings), start, dataset)
    else:
        model = build(settings.model, **settings.model_arguments)
    run = _ready(directory, settings, dataset, model, world)
    run.notes = [*notes, *moved(directory / ENVIRONMENT)]
    if found is not None:
        run.state = found.state
        run.notes += found.notes
    return run


def following_run(directory: str | Path, settings: Settings, state: dict[str, Any] | None, world: World) -> Run:
    """Open a run that the first process has opened: its first weights, too, are the first process's."""
    _set_up(settings.threads)
    choose_device(settings.device, world)
    model = build(settings.model, **settings.model_arguments)
    run = _ready(Path(directory), settings, _pictures(settings, quiet), model, world)
    run.state = state
    return run


def _set_up(threads: int) -> None:
    """Give this process its threads, and the memory that steps use again and again."""
    torch.set_num_threads(threads)
    keep_freed_memory()


def checked_processes(world: World, asked: int | None) -> int:
    """Return how many processes train; ``asked`` must agree with those that were started."""
    if asked is not None and asked < 1:
        raise InputError(f"processes must be at least 1, got {asked}")
    if asked is not None and asked != world.size:
        raise InputError(
            f"{asked} processes were asked for, but {world.size} were started, by torchrun, srun or a script; "
            "leave --processes out there, or start `residuum train --processes` by itself"
        )
    return world.size


def _pictures(settings: Settings, tell: Tell) -> Dataset:
    dataset = open_data(settings.data, strict=settings.strict, max_pixels=settings.max_pixels)
    dataset = split_off(dataset, settings.val_split) if settings.val_split else dataset
    return pack_images(dataset, settings.cache, tell) if settings.cache else dataset


def _first_model(values: dict[str, Any], start: nn.Module | None, dataset: Dataset) -> nn.Module:
    """Return the model before its first step: new, or weights already trained with a classifier for these classes.

    Args:
        values: settings by name.
        start: the weights; none for a new model.
        dataset: its classes name the logits; where ``whiten`` is set its pictures make the stem.
    """
    with drawing(values["seed"], "init"):
        if start is None:
            model = build(values["model"], **values["model_arguments"])
        else:
            model = _for_classes(start, values["model"], values["model_arguments"]["num_classes"], dataset.classes)
    if values.get("whiten"):
        height, width = values["image_size"]
        whiten_first_layer(model, dataset, (height, width), values["mean"], values["std"])
    return model


def _for_classes(start: nn.Module, name: str, num_classes: int, classes: Sequence[str]) -> nn.Module:
    """Return the weights with a new classifier where the number of classes differs, or known names of theirs do."""
    others = describe(start).classes
    if getattr(start, "num_classes", None) != num_classes or (others and list(others) != list(classes)):
        if (reset := getattr(start, "reset_classifier", None)) is None:
            raise InputError(f"{name} has no classifier to replace; train it from new weights")
        reset(num_classes)
    return start


def _provenance(settings: Settings, dataset: Dataset) -> str:
    in_bf16 = ", validated in bf16" if settings.val_precision == "bf16" else ""
    return f"trained by residuum {__version__} on {printable(Path(dataset.name).name)}, seed {settings.seed}{in_bf16}"


def _ready(
    directory: Path,
    settings: Settings,
    dataset: Dataset,
    model: nn.Module,
    world: World,
    reasons: dict[str, str] | None = None,
    trial: Trial | None = None,
) -> Run:
    height, width = settings.image_size
    size = (height, width)
    preprocessing = Preprocessing(size, tuple(settings.mean), tuple(settings.std), settings.resize)
    attach(
        model,
        Description(
            model=settings.model,
            arguments=settings.model_arguments,
            classes=list(dataset.classes),
            preprocessing=preprocessing,
            licence=settings.licence,
            provenance=_provenance(settings, dataset),
        ),
    )
    counts = count(model, (len(settings.mean), height, width))
    run = Run(directory, settings, dataset, model, counts, reasons or {}, 0.0, world=world)
    if trial is not None:
        run.reasons["precision"], run.images_per_second = trial.reason, trial.images_per_second
    return run
