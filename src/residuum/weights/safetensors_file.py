"""The safetensors format: a length, a JSON header, the tensors' bytes. Checked before anything is allocated.

The writer is our own for one reason: the same content must give the same bytes, and the library keeps the metadata in
an unordered map. Reading is the library's, once the header has been found sound.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..files import replacing

MAX_HEADER = 100_000_000  # bytes; the format's own limit

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
    """Tell the format by its first bytes: a header length, then a JSON object (whatever the file is called)."""
    return len(start) > 8 and start[8:9] == b"{"


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata.

    Raises:
        InputError: a header that is not sound: its length, its JSON, a tensor's type, shape or place in the file.
    """
    metadata = check_header(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path), metadata
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} must be a sound safetensors file, got: {error}; fetch or write it again") from error


def check_header(path: Path) -> dict[str, str]:
    """Return the metadata of a sound file; the sizes that the header claims are held against the file's."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header, data_bytes = _read_header(path, file.read(8), file.read(_claimed(path, size)), size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _unsound(path, "metadata that maps names to texts", repr(metadata)[:80])
    places = sorted(_place(path, name, entry) for name, entry in header.items())
    position = 0
    for begin, end, name in places:
        if begin != position:
            what = "overlaps another" if begin < position else "leaves a gap before it"
            raise _unsound(path, "every tensor right behind the one before", f"{name!r} at byte {begin}, which {what}")
        position = end
    if position != data_bytes:
        raise _unsound(
            path, f"{position} bytes of tensors as its header says", f"{data_bytes} bytes: cut short or padded"
        )
    return metadata


def _claimed(path: Path, size: int) -> int:
    """Return the header's length once it fits into the file."""
    with path.open("rb") as file:
        start = file.read(8)
    if size < 8:
        raise _unsound(path, "at least the 8 bytes of a header length", f"{size} bytes")
    length, swapped = int.from_bytes(start, "little"), int.from_bytes(start, "big")
    if length <= min(size - 8, MAX_HEADER):
        return length
    if swapped <= size - 8:
        raise _unsound(path, "a little-endian header length", f"{swapped} in big-endian order")
    raise _unsound(path, f"a header within its {size} bytes (and {MAX_HEADER})", f"a header length of {length}")


def _read_header(path: Path, start: bytes, raw: bytes, size: int) -> tuple[dict[str, Any], int]:
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=lambda pairs: _unique(path, pairs))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _unsound(path, "a JSON header", str(error)) from error
    if not isinstance(header, dict):
        raise _unsound(path, "a JSON object as header", type(header).__name__)
    return header, size - len(start) - len(raw)


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _unsound(path, "each tensor once", f"{name!r} twice")
        found[name] = value
    return found


def _place(path: Path, name: str, entry: Any) -> tuple[int, int, str]:
    """Return where a tensor lies, once its type, shape and offsets agree with each other."""
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if dtype not in DTYPES:
        raise _unsound(path, f"types among {', '.join(DTYPES)}", f"{dtype!r} for {name!r}")
    if not _whole(shape) or not _whole(offsets) or len(offsets) != 2:
        raise _unsound(path, "a shape and two offsets of whole numbers", f"{shape} and {offsets} for {name!r}")
    begin, end = offsets
    claimed = math.prod(shape) * DTYPES[dtype].itemsize
    if end - begin != claimed:
        raise _unsound(path, f"{claimed} bytes for {name!r} of shape {shape}", f"{end - begin}")
    return begin, end, name


def _whole(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _unsound(path: Path, must: str, got: str) -> InputError:
    return InputError(f"{path} must be a sound safetensors file with {must}, got {got}; fetch or write it again")


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
