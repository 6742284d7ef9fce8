"""numpy arrays in pickles and in .npz files, read without numpy's unpickling: sizes are checked first."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError

# The constructors in numpy's pickles of arrays, under the old and the new module name.
RECONSTRUCTORS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
NUMBERS = ("f", "i", "u", "b")  # kinds of numpy dtypes: floats, integers, unsigned integers, booleans
MAX_SPREAD = 64  # largest ratio of an .npz's unpacked size to its file size, beyond a few MB
SMALL = 64_000_000  # bytes


class ArrayType:
    """An array's dtype as a pickle states it; it holds letters only."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        """Store the byte order."""
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.order = state[1]


class PickledArray:
    """An array's shape, type and bytes as a pickle holds them; ``to_tensor`` converts them."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        """Store the pickle's values."""
        self.state = state

    def to_tensor(self) -> Tensor | None:
        """Return the tensor, or None for an array of objects or strings, or for bytes that do not match its shape."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            return None
        _, shape, kind, fortran, raw = self.state
        if not isinstance(kind, ArrayType) or not isinstance(kind.code, str) or not isinstance(raw, bytes):
            return None
        return from_bytes(shape, kind, bool(fortran), raw)


def from_bytes(shape: Any, kind: ArrayType, fortran: bool, raw: bytes) -> Tensor | None:
    """Return the tensor of these bytes, or None where they do not match the shape and type."""
    import numpy as np

    if kind.code[:1] not in NUMBERS or not isinstance(shape, tuple) or not all(type(n) is int for n in shape):
        return None
    try:
        dtype = np.dtype(kind.code)
    except TypeError:
        return None
    dtype = dtype.newbyteorder(">") if kind.order == ">" else dtype
    if math.prod(shape) * dtype.itemsize != len(raw) or any(n < 0 for n in shape):
        return None
    return as_tensor(np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C"))


def as_tensor(array: Any) -> Tensor | None:
    """Return a new tensor with the array's numbers, or None for types that torch lacks."""
    import numpy as np

    native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    try:
        return torch.from_numpy(native)
    except TypeError:
        return None


def read_npz(path: Path) -> dict[str, Tensor]:
    """Return the arrays of an .npz by name.

    Raises:
        InputError: arrays of objects (pickles, which are not opened), or more bytes than such a file can hold.
    """
    import numpy as np

    with zipfile.ZipFile(path) as archive:
        inside = sum(entry.file_size for entry in archive.infolist())
    if inside > max(SMALL, MAX_SPREAD * path.stat().st_size):
        raise InputError(f"{path} must hold arrays of at most {MAX_SPREAD} times its size, got {inside} bytes: refused")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            read = {name: as_tensor(arrays[name]) for name in arrays.files if arrays[name].dtype.kind in NUMBERS}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, KeyError, MemoryError) as error:
        raise InputError(f"{path} must hold plain arrays of numbers, got: {error}; save them with numpy.savez again") \
            from error  # fmt: skip
    return {name: tensor for name, tensor in read.items() if tensor is not None}
