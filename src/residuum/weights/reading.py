"""Open a weights file of any kind: its tensors, the entry that holds them, and the other entries."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from residuum_runtime.missing import files_like
from residuum_runtime.names import printable

from ..errors import InputError
from .architectures import Named, named_in
from .arrays import read_npz
from .dialects import BOOKKEEPING, EMA_PREFIXES
from .entries import OPTIMISER_ROOFS, averaged_state, choose_state, named_state, states, unknown_entry
from .foreign import is_numpy_archive, refuse_foreign
from .pickle_file import read_pickle
from .safetensors_file import looks_like_safetensors, read_safetensors
from .shards import INDICES, is_index, read_shards, refuse_single_shard

RUN_FILES = (
    "model.safetensors",
    "last.safetensors",
    "pytorch_model.bin",
    "checkpoint.pt",
)  # in a folder, in order of preference


@dataclass
class Contents:
    """A file's content: the weights, their averaged copy if present, and the names of all other entries."""

    path: Path
    kind: str  # "safetensors" or "pickle"
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    averaged: dict[str, Tensor] = field(default_factory=dict)
    roof: str = ""  # the entry of the checkpoint that the tensors come from
    optimiser: str = ""  # the entry that holds an optimiser's state
    beside: list[str] = field(default_factory=list)  # other entries
    entries: list[str] = field(default_factory=list)  # every entry that holds tensors by name
    wished: str = ""  # the requested network, where it is not an entry and so must be a prefix of names
    named: Named | None = None  # the architecture, where an entry or the metadata names it


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return a file's tensors under the file's own names, and its metadata (empty for pickles); run no code.

    Raises:
        InputError: a missing file (with the nearest names beside it), or one that is not a sound weights file.

    >>> tensors, metadata = read_tensors("runs/mine/model.safetensors")
    >>> tensors["head.fc.bias"].shape
    torch.Size([10])
    """
    contents = read_contents(path)
    return contents.tensors, contents.metadata


def read_contents(path: str | os.PathLike[str], entry: str = "") -> Contents:
    """Open a safetensors file, a pickle of torch, an .npz, or a run folder with one of them.

    Args:
        path: the file or folder.
        entry: which entry of a checkpoint to take (``teacher``, ``state_dict.model``); by default the usual one.

    Raises:
        InputError: as ``read_tensors``.
    """
    path = find_file(path)
    if is_index(path):
        return _part(Contents(path, "shards", read_shards(path, lambda shard: _open(shard, "").tensors), wished=entry))
    refuse_single_shard(path)
    found = _open(path, entry)
    return found if found.wished else _part(found)


def _open(path: Path, entry: str) -> Contents:
    """Read one file."""
    refuse_foreign(path)
    with path.open("rb") as file:
        start = file.read(9)
    if looks_like_safetensors(start) or (path.suffix == ".safetensors" and start[:2] != b"PK"):
        tensors, metadata = read_safetensors(path)
        found = Contents(path, "safetensors", tensors, metadata, wished=entry, named=named_in(metadata))
    elif is_numpy_archive(path):
        found = Contents(path, "numpy", read_npz(path), wished=entry)
    else:
        content = read_pickle(path)
        found = _sort(path, content, entry)
        found.named = named_in(content) if isinstance(content, Mapping) else None
    return found


def find_file(path: str | os.PathLike[str]) -> Path:
    """Return the file, or a folder's weights file."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        for name in (*RUN_FILES, *INDICES):
            if (path / name).is_file():
                return path / name
        raise InputError(f"{path} must be a weights file or a folder with one of {', '.join(RUN_FILES)}, got neither")
    raise InputError(f"no weights file {printable(path)}; {files_like(path)}")


def _sort(path: Path, content: Any, entry: str) -> Contents:
    """Separate a pickle into weights, averaged weights, optimiser state and other entries."""
    found = dict(states(content))
    top = {str(name): value for name, value in content.items()} if isinstance(content, Mapping) else {}
    if not found and not isinstance(content, Mapping):
        raise InputError(f"{path} must hold tensors by name (a state dict), got a {type(content).__name__}")
    if not found:
        raise InputError(f"{path} must hold tensors by name (a state dict), got entries {_some(top)} without any")
    asked = named_state(found, entry) if entry else None
    if entry and asked is None and "" not in found and len(found) > 1:
        raise unknown_entry(entry, list(found))
    try:
        roof = choose_state(content) if asked is None else asked
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    averaged = averaged_state(content, roof) if asked is None and not entry else ""
    optimiser = next((name for name in OPTIMISER_ROOFS if top.get(name)), "")
    used = {roof.partition(".")[0], averaged.partition(".")[0], optimiser, *(() if roof else found[""])}
    return Contents(
        path, "pickle", found[roof], {}, found[averaged] if averaged else {}, roof, optimiser,
        beside=sorted(set(top) - used), entries=list(found), wished=entry if asked is None else "",
    )  # fmt: skip


def _part(contents: Contents) -> Contents:
    """Separate the weights from an averaged copy among them under a prefix; a copy alone counts as the weights."""
    prefix = next((word for word in EMA_PREFIXES if any(name.startswith(word) for name in contents.tensors)), None)
    if prefix is None:
        return contents
    copy = {name.removeprefix(prefix): value for name, value in contents.tensors.items() if name.startswith(prefix)}
    rest = {name: value for name, value in contents.tensors.items() if not name.startswith(prefix)}
    if all(name in BOOKKEEPING for name in rest):
        return replace(contents, tensors={**copy, **rest}, roof=contents.roof or prefix)
    return replace(contents, tensors=rest, averaged=contents.averaged or copy)


def _some(content: Mapping[str, Any]) -> str:
    return ", ".join(list(content)[:5]) or "(none)"
