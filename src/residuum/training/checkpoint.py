"""The resumable state of a run: one file for each checkpoint, the same content always in the same bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..errors import InputError
from ..files import replacing

FOLDER = "checkpoints"
OLD = "checkpoint.pt"  # the only one that version 0.1 kept


class Found(NamedTuple):
    """The newest checkpoint that can be read."""

    state: dict[str, Any]
    path: Path
    notes: list[str]  # which newer ones could not, for people


def save_checkpoint(directory: Path, steps: int, state: dict[str, Any], keep: int = 1) -> None:
    """Write a run's state after so many steps, atomically, and remove all but the newest ``keep`` checkpoints.

    Args:
        directory: the run's.
        steps: made since the run's first.
        state: tensors, numbers, strings, lists and dicts.
        keep: at least one.
    """
    with replacing(directory / FOLDER / f"step-{steps:09}.pt") as temporary, temporary.open("wb") as file:
        torch.save(_plain(state), file)  # into a file, for given a path it writes the path's name into the archive
    for old in checkpoints(directory)[keep:]:
        old.unlink()


def checkpoints(directory: Path) -> list[Path]:
    """Return a run's checkpoints, newest first."""
    found = sorted((directory / FOLDER).glob("step-*.pt"), reverse=True)
    return [*found, *([directory / OLD] if (directory / OLD).exists() else [])]


def newest_checkpoint(directory: Path) -> Found | None:
    """Return the newest checkpoint that can be read; None where the run has none.

    Raises InputError where none of them can be read: hours of work are not begun again unasked.
    """
    damaged: list[str] = []
    for path in checkpoints(directory):
        try:
            state = load_checkpoint(path)
        except InputError as error:
            damaged.append(str(error))
            continue
        return Found(state, path, [f"{error}; the one before it is used" for error in damaged])
    if damaged:
        raise InputError(
            f"no checkpoint of {directory} can be read: {'; '.join(damaged)}. "
            "Remove them to train this run again from its first step"
        )
    return None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read the state without running code, every byte checked (torch by itself takes damaged numbers as they are)."""
    try:
        with zipfile.ZipFile(path) as archive:
            if (bad := archive.testzip()) is not None:
                raise InputError(f"{path} cannot be read as a checkpoint (its part {bad} is damaged)")
        return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # zipfile and torch name a damaged file in many ways
        raise InputError(f"{path} cannot be read as a checkpoint ({str(error).splitlines()[0]})") from error


def discard_after(directory: Path, steps: int) -> None:
    """Remove checkpoints later than that: they could not be read, and must not count as the newest."""
    for path in checkpoints(directory):
        if path.name != OLD and int(path.stem.removeprefix("step-")) > steps:
            path.unlink()


def _plain(value: Any) -> Any:
    """Return the value in plain containers, equal strings being one object.

    A pickle refers back to an object that it has met before, which it knows by identity: without this, the same state
    would be written in other bytes once it has been read from a file.
    """
    if isinstance(value, dict):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, tuple):
        return tuple(_plain(entry) for entry in value)
    return sys.intern(value) if isinstance(value, str) else value
