"""A run: one training directory, its settings settled and its model built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from residuum_runtime.names import printable

from .. import __version__
from ..data import Dataset, open_data, pack_images, split_off
from ..data.packing import Tell, quiet
from ..errors import InputError
from ..files import refusals_told, sweep
from ..machine.environment import check_data, moved
from ..machine.precision_trial import Trial, choose_device
from ..machine.world import ALONE, World
from ..models import Description, Preprocessing, attach, build, describe
from ..models.counts import Counts, count
from ..settings import Settings, read_asked, settle
from ..settings.file import read_settings, write_settings
from ..settings.recipe import data_of, with_recipe
from ..settings.resuming import changed, check_place
from ..weights import load
from ..workers import refuse_imported_script
from .checkpoint import newest_checkpoint
from .preparing import Preparation, first_model, use_threads
from .start import START

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
    state: dict[str, Any] | None = None  # the checkpoint to resume from
    moved: bool = False  # whether settings changed on resuming, which config.yaml then takes over
    history: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was met on resuming, for people
    world: World = ALONE


def new_run(output: str | Path, given: Mapping[str, object], world: World = ALONE, tell: Tell = quiet) -> Run:
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
    asked = with_recipe(read_asked(given))
    directory = Path(output)
    sweep(directory)  # what a process left that was killed as it began this run
    with refusals_told(directory):
        stands = directory.exists()
    if stands and (not directory.is_dir() or any(path.name != START for path in directory.iterdir())):
        raise InputError(
            f"the output must be a new or empty folder, but {directory} is in use; "
            f"choose another, or resume with `residuum train --resume {directory}`"
        )
    dataset = open_data(data_of(asked), strict=bool(asked.get("strict")), max_pixels=asked.get("max_pixels"))  # pyright: ignore[reportArgumentType]
    start = load(str(asked["weights"])) if asked.get("weights") else None
    here = Preparation(dataset, start, world)
    settings, reasons = settle(asked, dataset, None if start is None else describe(start), here)
    dataset = pack_images(here.dataset, settings.cache, tell) if settings.cache else here.dataset
    write_settings(settings, directory / CONFIG)
    return _ready(directory, settings, dataset, here.model, world, reasons, here.trial)


def resumed_run(directory: str | Path, asked: Mapping[str, object], world: World = ALONE, tell: Tell = quiet) -> Run:
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
    settings, notes = changed(kept, read_asked(asked), directory)
    if settings.processes != world.size:
        raise InputError(
            f"a resumed run keeps its number of processes, which decides its last bits: it has {settings.processes}, "
            f"but {world.size} are running; start {settings.processes}"
        )
    check_place(settings.data, directory)
    use_threads(settings.threads)
    dataset = _pictures(settings, tell)
    check_data(directory / ENVIRONMENT, dataset, moved=settings.data != kept.data)
    found = newest_checkpoint(directory)
    if found is None:  # it died before its first checkpoint, and begins again
        start = load(settings.weights) if settings.weights else None
        model = first_model(settings, start, dataset)
    else:
        model = build(settings.model, **settings.model_arguments)
    run = _ready(directory, settings, dataset, model, world)
    run.moved = settings != kept
    run.notes = [*notes, *moved(directory / ENVIRONMENT)]
    if found is not None:
        run.state = found.state
        run.notes += found.notes
    return run


def following_run(directory: str | Path, settings: Settings, state: dict[str, Any] | None, world: World) -> Run:
    """Open a run that the first process has opened: its first weights, too, are the first process's."""
    use_threads(settings.threads)
    choose_device(settings.device, world)
    model = build(settings.model, **settings.model_arguments)
    run = _ready(Path(directory), settings, _pictures(settings, quiet), model, world)
    run.state = state
    return run


def _pictures(settings: Settings, tell: Tell) -> Dataset:
    dataset = open_data(settings.data, strict=settings.strict, max_pixels=settings.max_pixels)
    dataset = split_off(dataset, settings.val_split) if settings.val_split else dataset
    return pack_images(dataset, settings.cache, tell) if settings.cache else dataset


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
        run.images_per_second = trial.images_per_second
    return run
