"""This machine and the network that it is to train: what ``settle`` asks before a new run is written."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from torch import nn

from ..data import ArrayImages, Dataset, split_off
from ..data.pixels import Normalise, resize_batch
from ..errors import InputError
from ..machine.allocator import keep_freed_memory
from ..machine.kernel_choice import choose_kernels
from ..machine.precision_trial import Trial, choose_device, choose_precision
from ..machine.speed import training_macs_per_second
from ..machine.world import World
from ..models import build, describe
from ..nn.whitening import whiten
from ..parallel.distribution import part_of
from ..seeds import drawing
from ..settings import Settings
from ..settings.first_step import check_first_step

WHITENED = 5000  # the first ones; their patches, a thousand each, are more than enough for a few hundred numbers


class Preparation:
    """A ``settings.Machine`` that keeps what it built and measured on the way: the images, the network, the trial."""

    def __init__(self, dataset: Dataset, start: nn.Module | None, world: World) -> None:
        self.dataset, self.start, self.world = dataset, start, world
        self.threads, self.cores, self.processes = torch.get_num_threads(), os.cpu_count() or 1, world.size
        self.model: nn.Module = nn.Identity()
        self.trial = Trial("fp32", {})

    def macs_per_second(self) -> float:
        """Return how fast this machine trains, measured in a third of a second."""
        return training_macs_per_second()

    def pick_device(self, wanted: str) -> str:
        """Return cpu, cuda or mps."""
        return choose_device(wanted, self.world)

    def pick_kernels(self, device: str, wanted: str) -> str:
        """Return plain or fused."""
        return choose_kernels(device, wanted)

    def pick_precision(self, settings: Settings) -> tuple[str, str]:
        """Divide the images, build the network, try its first step, and time it; return the precision and why."""
        self.dataset = split_off(self.dataset, settings.val_split) if settings.val_split else self.dataset
        use_threads(settings.threads)
        self.model = first_model(settings, self.start, self.dataset)
        part_of(self.world, settings.batch_size, len(self.dataset.train))
        check_first_step(self.model, settings, len(self.dataset.train), self.world.size)
        shape = (len(settings.mean), settings.image_size[0], settings.image_size[1])
        self.trial = choose_precision(self.model, shape, settings.device, settings.precision, settings.kernels)
        return self.trial.precision, self.trial.reason


def use_threads(threads: int) -> None:
    """Give this process its threads, and the memory that steps use again and again."""
    torch.set_num_threads(threads)
    keep_freed_memory()


def first_model(settings: Settings, start: nn.Module | None, dataset: Dataset) -> nn.Module:
    """Return the model before its first step: new, or weights already trained with a classifier for these classes.

    Args:
        settings: the run's.
        start: the weights; none for a new model.
        dataset: its classes name the logits; where ``whiten`` is set its images make the stem.
    """
    with drawing(settings.seed, "init"):
        if start is None:
            model = build(settings.model, **settings.model_arguments)
        else:
            model = _for_classes(start, settings.model, settings.model_arguments["num_classes"], dataset.classes)
    if settings.whiten:
        height, width = settings.image_size
        whiten_first_layer(model, dataset, (height, width), settings.mean, settings.std)
    return model


def _for_classes(start: nn.Module, name: str, num_classes: int, classes: Sequence[str]) -> nn.Module:
    """Return the weights with a new classifier where the number of classes differs, or known names of theirs do."""
    others = describe(start).classes
    if getattr(start, "num_classes", None) != num_classes or (others and list(others) != list(classes)):
        if (reset := getattr(start, "reset_classifier", None)) is None:
            raise InputError(f"{name} has no classifier to replace; train it from new weights")
        reset(num_classes)
    return start


def whiten_first_layer(
    model: nn.Module, dataset: Dataset, size: tuple[int, int], mean: Sequence[float], std: Sequence[float]
) -> None:
    """Set the stem's filters to the whitening of the training images' patches, in place; nothing is drawn.

    Raises:
        InputError: a model without such a stem (see ``nn.whitening.whiten``).
    """
    assert isinstance(dataset.train, ArrayImages), "the plan refuses files"
    pixels = resize_batch(dataset.train.pixels[:WHITENED], size)
    whiten(model, Normalise(tuple(mean), tuple(std))(pixels))
