"""TensorBoard's events, written while steps and epochs pass by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from .epochs import Epoch
from .loop import Step
from .meter import read_steps

FOLDER = "tensorboard"


def writer_class() -> Any:
    """Return torch's SummaryWriter; raise InputError where the package that it needs is not installed."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError as error:
        raise InputError(
            f"--tensorboard needs the package tensorboard, which cannot be imported ({error}); "
            "pip install 'residuum[tensorboard]', or leave the flag out"
        ) from error
    return SummaryWriter


def to_tensorboard(events: Iterable[Step | Epoch], directory: Path) -> Iterator[Step | Epoch]:
    """Pass the events on, each written as scalars for ``tensorboard --logdir`` into the run's folder ``tensorboard``.

    What an earlier process wrote of steps that are made again is hidden by TensorBoard.
    """
    SummaryWriter, writer, steps = writer_class(), None, 0
    try:
        for event in events:
            steps = event.number + 1 if isinstance(event, Step) else steps
            if writer is None:
                writer = SummaryWriter(str(directory / FOLDER), purge_step=steps or None)
            for name, value in scalars(event).items():
                writer.add_scalar(name, value, steps)
            yield event
    finally:
        if writer is not None:
            writer.close()


def scalars(event: Step | Epoch) -> dict[str, float]:
    """Return the numbers of an event by the names under which TensorBoard shows them."""
    if isinstance(event, Step):
        ((_, loss, correct, norm),) = read_steps([event])
        return {
            "step/loss": loss,
            "step/acc1": 100 * correct / event.images,
            "step/lr": event.lr,
            "step/grad_norm": norm,
        }
    return {f"epoch/{name}": value for name, value in event.row.items() if name != "epoch"}
