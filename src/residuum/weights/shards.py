"""Weights in several files, as transformers and accelerate write large models: shards, and an index that names them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError

INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
MAX_BYTES = 100_000_000  # of an index; a hundred thousand tensors need a tenth of it

_SHARD = re.compile(r".*-(\d{5})-of-(\d{5})\.(safetensors|bin)")


def is_index(path: Path) -> bool:
    """Return whether a file is the index of a model in shards."""
    return path.name.endswith((".safetensors.index.json", ".bin.index.json"))


def read_shards(index: Path, read: Callable[[Path], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors of every shard.

    Args:
        index: the index file; the shards are beside it.
        read: opens one shard.

    Raises:
        InputError: an invalid index, a missing shard, or a shard without a tensor that the index names.
    """
    weight_map = _weight_map(index)
    tensors: dict[str, Tensor] = {}
    for file in sorted(set(weight_map.values())):
        if not (index.parent / file).is_file():
            raise InputError(f"{index} must have its shards beside it, got no {file}; fetch it too")
        tensors |= read(index.parent / file)
    if lacking := sorted(set(weight_map) - set(tensors)):
        raise InputError(f"{index} names tensors that its shards must hold, got no {', '.join(lacking[:4])}; "
                         "fetch the shards again")  # fmt: skip
    return tensors


def refuse_single_shard(path: Path) -> None:
    """Refuse a single shard, which holds only a part of a model.

    Raises:
        InputError: naming the index to give.
    """
    if (found := _SHARD.fullmatch(path.name)) and int(found[2]) > 1:
        raise InputError(
            f"{path} must be a whole model, got shard {int(found[1])} of {int(found[2])}; give the folder, with "
            f"{' or '.join(INDICES)} and every shard in it"
        )


def _weight_map(index: Path) -> dict[str, str]:
    if index.stat().st_size > MAX_BYTES:
        raise InputError(f"{index} must be an index below {MAX_BYTES} bytes, got {index.stat().st_size}")
    try:
        content: Any = json.loads(index.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{index} must be JSON, got: {error}; fetch it again") from error
    found = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not found or not all(_is_name(file) for file in found.values()):
        raise InputError(f'{index} must map tensors to files beside it in "weight_map"; fetch it again')
    return {str(name): file for name, file in found.items()}


def _is_name(file: Any) -> bool:
    return isinstance(file, str) and file == Path(file).name and "\\" not in file and file not in ("", ".", "..")
