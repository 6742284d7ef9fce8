"""What a user may name in a model's place: the model, its file, its run, its export, or what others publish."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from residuum_runtime.sessions import is_exported

from ..errors import InputError
from ..weights import load
from ..weights.pretrained import ENTRY
from ..weights.sidecar import WEIGHTS_NAMES

Model = nn.Module | str | os.PathLike[str]


def open_model(name: str | os.PathLike[str]) -> nn.Module:
    """Load a weights file, the best weights of a run's folder, or weights that others publish (``torchvision:NAME``,
    ``timm:NAME``, ``hf://OWNER/NAME``).

    Raises:
        InputError: as ``load``, and for a run that has not finished an epoch.
    """  # fmt: skip
    path = Path(str(name).partition(ENTRY)[0])
    if path.is_dir() and not any((path / file).exists() for file in WEIGHTS_NAMES):
        raise InputError(f"{path} has no model.safetensors; give a run that has finished an epoch, or a weights file")
    return load(name)


def as_network(model: Model) -> nn.Module:
    """Return the model itself, or open what its name stands for: as ``open_model``, and an export's folder.

    Raises:
        InputError: as ``open_model``, or something that is neither a model nor a name.
    """
    if isinstance(model, nn.Module):
        return model
    if not isinstance(model, str | os.PathLike):
        raise InputError(
            "a model must be a torch.nn.Module, a weights file, a run's or an export's folder, or torchvision:, timm: "
            f"or hf:// NAME, got {type(model).__name__}"
        )
    if not is_exported(Path(model)):
        return open_model(model)
    from residuum_runtime import Engine

    from .running import as_model

    return as_model(Engine(Path(model)))


def as_networks(models: Model | Iterable[Model]) -> list[nn.Module]:
    """Return the one model, or each of several, as ``as_network`` does."""
    if isinstance(models, nn.Module | str | os.PathLike) or not isinstance(models, Iterable):
        return [as_network(models)]
    return [as_network(one) for one in models]
