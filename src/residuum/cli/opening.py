"""What a user may name as MODEL."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ..errors import InputError
from ..weights import load


def open_model(name: str) -> nn.Module:
    """Load a weights file, or the best weights of a run's folder."""
    path = Path(name)
    if path.is_dir():
        if not (path / "model.safetensors").exists():
            raise InputError(
                f"{path} has no model.safetensors; give a run that has finished an epoch, or a weights file"
            )
        path = path / "model.safetensors"
    return load(path)
