"""Batches from worker processes, which pass their errors on unchanged.

torch rebuilds an error of a worker with its traceback as the message. Here an error that the user can fix travels like
a batch and is raised in the process that waits for it: one message, with any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

from ..compat import import_torchvision
from ..errors import InputError, ResiduumError
from ..workers import SCRIPT, holding_signals, refuse_imported_script, refuse_unguarded, serve_parent


class Failure(NamedTuple):
    """An error on its way from a worker."""

    error: ResiduumError


class Carrying(Dataset[Any]):
    """Images of a data set, a batch at a time, or the error raised instead."""

    def __init__(self, images: Any) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (_Torchvision(), self.images)  # in this order: the images hold transforms of torchvision

    def __getitems__(self, indices: Sequence[int]) -> Any:
        try:
            if hasattr(self.images, "__getitems__"):
                return self.images.__getitems__(indices)
            return [self.images[index] for index in indices]
        except ResiduumError as error:
            return Failure(error)


class _Torchvision:
    """Unpickles in a spawned process to torchvision, imported by ``compat``."""

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return import_torchvision, ()


def _unpickle(torchvision: Any, images: Any) -> Carrying:
    return Carrying(images)


def fetch(images: Dataset[Any], workers: int, **batches: Any) -> Iterator[Any]:
    """Return the batches of a data set in order, from ``workers`` processes, which start immediately.

    The workers' base seed is drawn from its own generator, not from the global one.

    Args:
        images: gives items, or (``__getitems__``) whole batches.
        workers: processes; with 0 this one fetches.
        batches: ``batch_sampler`` or ``batch_size``.

    Raises:
        ResiduumError: the error that an image raised, in any process.
        InputError: a worker was killed, for example by a system out of memory; or workers are spawned from a script
            without a main guard.
    """
    if workers:
        refuse_imported_script()
    own = torch.Generator().manual_seed(0)
    loader = DataLoader(
        Carrying(images),
        num_workers=workers,
        generator=own,
        worker_init_fn=serve_parent,
        collate_fn=_return_batch,
        **batches,
    )
    try:
        with holding_signals():
            fetched = iter(loader)
    except (EOFError, ConnectionError) as error:  # the fork server imported the script and exited
        raise InputError(SCRIPT) from error
    return _raise_failures(fetched, active_children() if workers else [])


def _raise_failures(fetched: Iterator[Any], workers: list[BaseProcess]) -> Iterator[Any]:
    try:
        for batch in fetched:
            if isinstance(batch, Failure):
                raise batch.error
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        refuse_unguarded(workers)
        reason = " ".join(str(error).split())
        raise InputError(f"a process that decodes images exited ({reason}); use fewer --workers") from error


def _return_batch(batch: Any) -> Any:
    """Return the batch unchanged: there is nothing to collate."""
    return batch
