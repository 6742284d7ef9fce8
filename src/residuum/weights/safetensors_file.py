"""The safetensors format: a length, a JSON header, the tensors' bytes.

The writer is our own for one reason: equal content must give equal bytes, and the library keeps the metadata in
an unordered map. Reading is the library's, which checks the header before it allocates anything; the one fault that it
lets pass, a tensor that stands twice, is refused here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..files import replacing

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def looks_like_safetensors(start: bytes) -> bool:
    """Recognise the format by its first bytes, whatever the file's name: a header length, then a JSON object."""
    return len(start) > 8 and start[8:9] == b"{"


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata.

    Raises:
        InputError: a header that the library refuses (its length, its JSON, a tensor's type, shape or place in the
            file; before anything is allocated), one that names a tensor twice, a type that nothing here computes with.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
        _refuse_twins(path)
        tensors = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise InputError(
            f"{path} must be a sound safetensors file, got {path.stat().st_size:,} bytes, which the library refuses: "
            f"{error}; it may be cut short: fetch or write it again"
        ) from error
    _refuse_types(path, tensors)
    return tensors, metadata


def _refuse_types(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse a type that the library reads but nothing here supports, such as four-bit numbers."""
    for name, tensor in tensors.items():
        if tensor.dtype not in NAMES:
            known = ", ".join(DTYPES)
            raise InputError(f"{path} must hold tensors of {known}, got {tensor.dtype} for {name!r}; convert it first")


def _refuse_twins(path: Path) -> None:
    """Refuse a header that names a tensor twice; the library silently uses the last."""
    with path.open("rb") as file:
        json.loads(file.read(int.from_bytes(file.read(8), "little")), object_pairs_hook=partial(_unique, path))


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InputError(
                f"{path} must be a sound safetensors file with each tensor once, got {name!r} twice; "
                "fetch or write it again"
            )
        found[name] = value
    return found


def write_safetensors(
    tensors: Mapping[str, Tensor], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write the tensors whole or not at all; the same content gives the same bytes, whatever the memory format.

    Raises:
        InputError: a tensor without numbers (on the meta device) or of a type that the format lacks.
        DiskError: the file system refuses.

    >>> write_safetensors({"x": torch.zeros(3)}, "x.safetensors", {"made": "by hand"})
    >>> read_tensors("x.safetensors")[1]
    {'made': 'by hand'}
    """
    rows = [(name, _plain(name, tensor)) for name, tensor in tensors.items()]
    rows.sort(key=lambda row: (-row[1].element_size(), row[0]))  # widest first keeps every tensor aligned
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    position = 0
    for name, tensor in rows:
        end = position + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in rows:
            file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)


def _plain(name: str, tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        raise InputError(f"weights must hold numbers, got {name!r} on the meta device; load or train first")
    if tensor.dtype not in NAMES:
        raise InputError(f"safetensors holds {', '.join(DTYPES)}, got {tensor.dtype} for {name!r}; convert it first")
    return tensor.detach().cpu().contiguous()
