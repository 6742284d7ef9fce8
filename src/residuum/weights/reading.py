"""Open a weights file of any kind: which tensors it holds, under which roof, and what stands beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError, nearest
from .dialects import BOOKKEEPING, EMA_PREFIXES
from .pickle_file import read_pickle
from .safetensors_file import looks_like_safetensors, read_safetensors

# Under which entry of a checkpoint the weights stand, the first that is there; and where its averaged copy stands.
ROOFS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module")
EMA_ROOFS = ("state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "model_ema_state_dict", "ema", "averaged")
OPTIMISER_ROOFS = ("optimizer", "optimizer_states", "optimizer_state_dict", "optimizer_state", "optimiser", "opt")

RUN_FILES = (
    "model.safetensors",
    "last.safetensors",
    "pytorch_model.bin",
    "checkpoint.pt",
)  # in a folder, the best first


@dataclass
class Contents:
    """What a file holds: the weights, their averaged copy if it has one, and the names of everything else."""

    path: Path
    kind: str  # "safetensors" or "pickle"
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    averaged: dict[str, Tensor] = field(default_factory=dict)
    roof: str = ""  # the entry of the checkpoint that the tensors come from
    optimiser: str = ""  # the entry that holds an optimiser's state
    beside: list[str] = field(default_factory=list)  # other entries


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return a file's tensors by name, as the file writes them, and its metadata (empty for pickles); runs no code.

    Raises:
        InputError: a missing file (with the nearest names beside it), or one that is not a sound weights file.
    """
    contents = read_contents(path)
    return contents.tensors, contents.metadata


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Open a safetensors file, a pickle of torch, or a run folder with one of them.

    Raises:
        InputError: as ``read_tensors``.
    """
    path = find_file(path)
    with path.open("rb") as file:
        start = file.read(9)
    if looks_like_safetensors(start) or (path.suffix == ".safetensors" and start[:2] != b"PK"):
        tensors, metadata = read_safetensors(path)
        return _part(Contents(path, "safetensors", tensors, metadata))
    return _part(_sort(path, read_pickle(path)))


def find_file(path: str | os.PathLike[str]) -> Path:
    """Return the file; of a folder, the weights in it."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        for name in RUN_FILES:
            if (path / name).is_file():
                return path / name
        raise InputError(f"{path} must be a weights file or a folder with one of {', '.join(RUN_FILES)}, got neither")
    beside = sorted(item.name for item in path.parent.iterdir()) if path.parent.is_dir() else []
    hint = nearest(path.name, beside) if beside else f"the folder {path.parent} is empty or does not exist"
    raise InputError(f"no weights file {path}; {hint}")


def _sort(path: Path, content: Any) -> Contents:
    """Tell weights from averaged weights, optimiser state and everything else in a pickle."""
    if not isinstance(content, Mapping):
        raise InputError(f"{path} must hold tensors by name (a state dict), got a {type(content).__name__}")
    content = {str(name): value for name, value in content.items()}
    roofs = [name for name in ROOFS if _is_state(content.get(name))]
    averaged = next((name for name in EMA_ROOFS if _is_state(content.get(name))), "")
    optimiser = next((name for name in OPTIMISER_ROOFS if content.get(name)), "")
    if roofs or averaged:
        roof = roofs[0] if roofs else averaged
        beside = sorted(set(content) - {roof, averaged, optimiser})
        copy = _tensors(content[averaged]) if averaged and roofs else {}
        return Contents(path, "pickle", _tensors(content[roof]), {}, copy, roof, optimiser, beside)
    tensors = _tensors(content)
    if not tensors:
        raise InputError(f"{path} must hold tensors by name (a state dict), got entries {_some(content)} without any")
    return Contents(
        path, "pickle", tensors, beside=sorted(set(content) - set(tensors) - {optimiser}), optimiser=optimiser
    )


def _part(contents: Contents) -> Contents:
    """Part the weights from an averaged copy that stands among them under a prefix; alone, the copy is the weights."""
    prefix = next((word for word in EMA_PREFIXES if any(name.startswith(word) for name in contents.tensors)), None)
    if prefix is None:
        return contents
    copy = {name.removeprefix(prefix): value for name, value in contents.tensors.items() if name.startswith(prefix)}
    rest = {name: value for name, value in contents.tensors.items() if not name.startswith(prefix)}
    if all(name in BOOKKEEPING for name in rest):
        return replace(contents, tensors={**copy, **rest}, roof=contents.roof or prefix)
    return replace(contents, tensors=rest, averaged=contents.averaged or copy)


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(_tensors(value))


def _tensors(value: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(name): item.detach() for name, item in value.items() if isinstance(item, Tensor)}


def _some(content: Mapping[str, Any]) -> str:
    return ", ".join(list(content)[:5]) or "(none)"
