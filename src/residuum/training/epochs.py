"""Epochs: train on each batch, then score on the validation images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from torch.nn.utils import get_total_norm

from ..data import Dataset, EvaluationLoader, FileImages, Loader, MemoryLoader, StreamLoader
from ..data.augment import Variation, build_variation
from ..data.loaders import training_batches
from ..data.pixels import Normalise
from ..data.share import ALL, Share
from ..evaluation import Scores
from ..machine.precision import autocast
from ..machine.world import ALONE, World
from ..optim.losses import build_loss
from ..optim.mixing import build_mix
from ..optim.schedules import Schedule, pick_shape, staircase, warmed
from ..parallel.distribution import WHOLE, Part, parallel, part_of, score_together
from ..settings import Settings
from .loop import Method, Step, groups, train_steps
from .records import EpochRow
from .state import Progress, State, refuse_broken


class Epoch(NamedTuple):
    """What an epoch came to.

    >>> Epoch({"epoch": 1, "val_acc1": 91.5}, None).row["val_acc1"]
    91.5
    """

    row: EpochRow  # epoch, lr, train_loss, train_acc1, val_loss, val_acc1, val_acc5, weight_norm
    scores: Scores | None  # None where the epoch was not validated


def fit(state: State, dataset: Dataset, settings: Settings, world: World = ALONE) -> Iterator[Step | Epoch]:
    """Train from where the state stands to the last epoch, yielding each step and each epoch."""
    mixing = bool(settings.mixup or settings.cutmix)
    part = part_of(world, settings.batch_size, len(dataset.train), mixing=mixing)
    batches = training_loader(dataset, settings, part.share)
    held_out = validation_loader(dataset, settings, world.share)
    per_epoch = steps_per_epoch(dataset, settings)
    method = method_of(settings, per_epoch, part)
    model = parallel(state.model, world)
    progress = state.progress
    while progress.epoch < settings.epochs:
        rest = batches.batches(progress.epoch, start=progress.step * settings.grad_accum)
        steps = train_steps(
            model,
            groups(rest, settings.grad_accum),
            state.optimiser,
            method,
            average=state.average,
            first=steps_made(progress, per_epoch),
        )
        for step in steps:
            progress.count(step)
            yield step
        progress.look()
        refuse_broken(state)
        scores = None
        if (progress.epoch + 1) % settings.validate_every == 0 or progress.epoch + 1 == settings.epochs:
            scores = score_together(state.result, held_out, normaliser(settings), world, settings.val_precision)
        norm = get_total_norm(state.model.parameters()).item()
        yield Epoch(progress.close(state.optimiser.param_groups[0]["lr"], scores, norm), scores)


def method_of(settings: Settings, per_epoch: int, part: Part = WHOLE) -> Method:
    """Return how a step is made, as the settings say."""
    return Method(
        schedule=schedule_of(settings, per_epoch),
        criterion=build_loss(settings.loss, settings.label_smoothing),
        seed=settings.seed,
        autocast=autocast(settings.precision, settings.device),
        normalise=normaliser(settings),
        mix=build_mix(settings.mixup, settings.cutmix, settings.model_arguments["num_classes"]),
        clip_grad=settings.clip_grad,
        part=part,
    )


def normaliser(settings: Settings) -> Normalise:
    """Return what turns a loader's bytes into the network's input, on the device."""
    return Normalise(tuple(settings.mean), tuple(settings.std), settings.device)


def steps_per_epoch(dataset: Dataset, settings: Settings) -> int:
    """Return the number of steps in an epoch; the last one may have fewer batches than the others."""
    return -(-training_batches(len(dataset.train), settings.batch_size) // settings.grad_accum)


def steps_made(progress: Progress, per_epoch: int) -> int:
    """Return how many steps a run has made since its first, which is the number of its next one."""
    return progress.epoch * per_epoch + progress.step


def training_loader(dataset: Dataset, settings: Settings, share: Share = ALL) -> Loader:
    """Return the training batches as the settings say."""
    height, width = settings.train_size or settings.image_size
    vary = build_variation(settings.auto_augment, settings.random_erasing, settings.mean)
    early = (settings.early_size[0], settings.early_size[1]) if settings.early_size else None
    variation = Variation(vary, (height, width), settings.crop_scale, early, settings.early_epochs)
    order = {"batch_size": settings.batch_size, "seed": settings.seed, "balanced": settings.balanced, "share": share}
    if isinstance(dataset.train, FileImages):
        return StreamLoader(dataset.train, size=(height, width), workers=settings.workers, variation=variation, **order)
    border = {"pad": settings.pad, "pad_mode": settings.pad_mode}
    sides = {"flip": settings.flip, "flip_mode": settings.flip_mode}
    return MemoryLoader(dataset.train, variation=variation, **border, **sides, **order)


def validation_loader(dataset: Dataset, settings: Settings, share: Share = ALL) -> EvaluationLoader:
    """Return the validation images as the settings say."""
    size = (settings.image_size[0], settings.image_size[1])
    batch_size = max(256, settings.batch_size)
    return EvaluationLoader(dataset.val, batch_size, size, settings.resize, settings.workers, share)


def schedule_of(settings: Settings, per_epoch: int) -> Schedule:
    """Return the schedule that the settings ask for, of ``per_epoch`` steps an epoch."""
    shape = pick_shape(settings.sched)
    if shape is staircase:
        shape = partial(staircase, milestones=settings.milestones, gamma=settings.gamma)
    flat = None if settings.warmup_lr is None else settings.warmup_lr / settings.lr
    return warmed(shape, per_epoch * settings.epochs, round(per_epoch * settings.warmup_epochs), flat)
