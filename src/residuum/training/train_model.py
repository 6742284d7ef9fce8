"""Training in one call, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from ..weights import load
from .epochs import Epoch
from .facts import facts
from .memory import telling_memory
from .run import BEST, new_run
from .start import Model, starting_from
from .train import train


def train_model(
    data: str | Path,
    *,
    output: str | Path,
    model: Model | None = None,
    tell: Callable[[str], None] = print,
    **settings: Any,
) -> nn.Module:
    """Train as ``residuum train`` does and return the best model, ready to predict.

    Args:
        data: ``digits``, ``cifar10``, ``fashion_mnist``, or a folder of images.
        output: the run's folder; it must be new or empty.
        model: a name (``resnet50``: new weights), or what the run starts from: a weights file, a run's folder,
            published weights (``torchvision:resnet50``), or a model that you built. Of that a copy is trained, so it
            must be one that a file can rebuild: from ``create_model`` or ``load``, or torchvision's or timm's where
            ``load`` knows it. Its weights become ``OUTPUT/start.safetensors``.
        tell: what is done with each line of progress.
        settings: as the flags, with underscores: ``epochs``, ``batch_size``, ``lr``, ``opt``, ``seed``, ...;
            ``image_size`` is 32, (24, 32) or "24x32"; ``model_arguments`` for the builder's.

    Raises:
        InputError: no setting is of that name, a value does not fit, or a model that cannot be built again.

    >>> model = residuum.train_model("digits[:64,:32]", output="runs/new", model="cifar_resnet", epochs=1,
    ...                              model_arguments={"depth": 8}, tell=lambda line: None)
    >>> len(model.description.classes)
    10
    """
    with starting_from(model, output, settings) as given:
        run = new_run(output, {"data": str(data), **given})
    for key, fact in facts(run).items():
        tell(f"{key}: {fact}")
    with telling_memory(run):
        for event in train(run):
            if isinstance(event, Epoch):
                row = event.row
                held_out = "" if event.scores is None else f", validation {row['val_acc1']:.1f} %"
                tell(f"epoch {row['epoch']}: training {row['train_acc1']:.1f} %{held_out}")
    return load(Path(output) / BEST)
