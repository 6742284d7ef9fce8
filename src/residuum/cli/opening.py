"""Open whatever a user may name as MODEL."""

from __future__ import annotations

import typer
from torch import nn

from residuum_runtime.sessions import is_exported

from ..evaluation import opening
from ..models import describe
from ..weights.assuming import assumptions
from ..weights.opening import is_published, names_weights

__all__ = ["is_published", "names_weights", "open_model", "open_model_or_export"]


def open_model(name: str) -> nn.Module:
    """Load a weights file, the best weights of a run's folder, or weights that others publish (``torchvision:NAME``,
    ``timm:NAME``, ``hf://OWNER/NAME``); print on standard error assumptions about what the file does not state.
    """  # fmt: skip
    model = opening.open_model(name)
    if said := assumptions(describe(model)):
        typer.echo(f"assumed: {said}", err=True)
    return model


def open_model_or_export(name: str) -> nn.Module:
    """Load a model as above, or open an export of ``residuum export`` on the fastest engine that can run it."""
    return opening.as_network(name) if is_exported(name) else open_model(name)
