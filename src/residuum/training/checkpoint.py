"""The resumable state of a run, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..files import replacing


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state (tensors, numbers, strings, lists, dicts) atomically."""
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read the state without running code."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch names a damaged file in many ways
        raise InputError(f"{path} cannot be read as a checkpoint ({str(error).splitlines()[0]})") from error
