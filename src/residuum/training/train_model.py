"""Training in one call, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from ..weights import load
from .facts import facts
from .fit import Epoch
from .memory import telling_memory
from .run import BEST, new_run
from .train import train


def train_model(
    data: str | Path, *, output: str | Path, tell: Callable[[str], None] = print, **settings: Any
) -> nn.Module:
    """Train as ``residuum train`` does and return the best model, ready to predict.

    Args:
        data: ``digits``, ``cifar10``, ``fashion_mnist``, or a folder of pictures.
        output: the run's folder; it must be new or empty.
        tell: what is done with each line of progress.
        settings: as the flags, with underscores: ``model``, ``epochs``, ``batch_size``, ``lr``, ``opt``, ``seed``, ...;
            ``image_size`` is 32, (24, 32) or "24x32"; ``model_arguments`` for the builder's.

    Raises:
        InputError: no setting is of that name, or a value does not fit.
    """
    run = new_run(output, {"data": str(data), **settings})
    for key, fact in facts(run).items():
        tell(f"{key}: {fact}")
    with telling_memory(run):
        for event in train(run):
            if isinstance(event, Epoch):
                row = event.row
                held_out = "" if event.scores is None else f", validation {row['val_acc1']:.1f} %"
                tell(f"epoch {row['epoch']}: training {row['train_acc1']:.1f} %{held_out}")
    return load(Path(output) / BEST)
