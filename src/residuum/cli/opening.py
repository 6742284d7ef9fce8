"""What a user may name as MODEL."""

from __future__ import annotations

from pathlib import Path

import typer
from torch import nn

from ..errors import InputError
from ..models import describe
from ..weights import load
from ..weights.assuming import assumptions
from ..weights.pretrained import FETCHERS
from ..weights.sidecar import WEIGHTS_NAMES


def open_model(name: str) -> nn.Module:
    """Load a weights file, the best weights of a run's folder, or weights that others publish (``torchvision:NAME``,
    ``timm:NAME``, ``hf://OWNER/NAME``); print on standard error what was assumed of what the file leaves unsaid.
    """  # fmt: skip
    path = Path(name)
    if path.is_dir() and not any((path / file).exists() for file in WEIGHTS_NAMES):
        raise InputError(f"{path} has no model.safetensors; give a run that has finished an epoch, or a weights file")
    model = load(name)
    if said := assumptions(describe(model)):
        typer.echo(f"assumed: {said}", err=True)
    return model


def open_model_or_export(name: str) -> nn.Module:
    """Load a model as above, or open what ``residuum export`` wrote, on the fastest engine that can run it."""
    from residuum_runtime.sessions import is_exported

    if not is_exported(name):
        return open_model(name)
    from ..deploy import Engine
    from ..deploy.running import as_model

    return as_model(Engine(name))


def is_published(name: str) -> bool:
    """Return whether the name is of weights that others publish, not of a file."""
    return name.startswith(tuple(FETCHERS))
