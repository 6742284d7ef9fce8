"""Whether a network can take a run's batches, found on the meta device before anything is written."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from ..errors import InputError
from ..nn.stochastic import ONE_VALUE, DropPath, StochasticDepth
from ..optim.freezing import freeze, train_mode
from ..seeds import drawing
from . import Settings


def check_first_step(model: nn.Module, settings: Settings, images: int, processes: int = 1) -> None:
    """Try the smallest batch of a run at each size that it trains at, without computing.

    Batch norm takes the variance of each channel over a batch and its map: one image whose last map is 1x1 has none.
    Batches that are not full are left out of an epoch (``training_batches``), so the smallest is a whole one, or all
    images where there are fewer; with several processes it is the smallest share of it, unless ``sync_bn`` joins them.

    Args:
        model: the network; it is not touched.
        settings: the run's.
        images: how many there are to train on.
        processes: that train together.

    Raises:
        InputError: torch refuses the batch, with what to take instead.
    """
    whole = min(settings.batch_size, images)
    batch = whole if settings.sync_bn else whole // processes
    on_meta = copy.deepcopy(model).to("meta")
    freeze(on_meta, settings.freeze)
    train_mode(on_meta)
    for module in on_meta.modules():
        if isinstance(module, StochasticDepth | DropPath):
            module.training = False  # no branch is left out by chance
    sizes = [settings.train_size or settings.image_size, settings.early_size or settings.image_size]
    for size in sizes:
        shape = (len(settings.mean), size[0], size[1])
        refusal = _refusal(on_meta, batch, shape)
        if ONE_VALUE in refusal:
            larger = not _refusal(on_meta, batch, (shape[0], 4 * size[0], 4 * size[1]))
            raise InputError(_told(batch, size, processes, images, larger=larger))
        if refusal:
            raise InputError(
                f"{settings.model} cannot train on a batch of {batch} at {size[0]}x{size[1]} pixels ({refusal}); "
                "take a larger --image-size, or another --model"
            )


def _refusal(model: nn.Module, batch: int, shape: tuple[int, ...]) -> str:
    """Return how torch refuses a forward pass; empty where it does not."""
    try:
        with torch.no_grad(), drawing(0, "dropout"):
            model(torch.empty(batch, *shape, device="meta"))
    except NotImplementedError:  # an operation that the meta device lacks says nothing of the batch
        return ""
    except (RuntimeError, ValueError, IndexError, TypeError, AssertionError) as error:
        return (str(error) or type(error).__name__).splitlines()[0]
    return ""


def _told(batch: int, size: Sequence[int], processes: int, images: int, *, larger: bool) -> str:
    least = 2 * processes
    where = f"each of {processes} processes has {batch} of a batch" if processes > 1 else f"a batch has {batch}"
    got = f"{where}, at {size[0]}x{size[1]} pixels"
    fewer = ", fewer --processes, or --sync-bn" if processes > 1 else ""
    remedy = f"take --batch-size {least} or more{fewer}" if images >= least else f"add images, {least} at the least"
    return (
        f"batch norm needs more than one value per channel, so here at least two images, but {got}; {remedy}"
        f"{', or a larger --image-size' if larger else ''}"
    )
