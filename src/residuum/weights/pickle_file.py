"""PyTorch's pickled files, read without running the code in them.

A dry run comes first: it walks the pickle with every name bound to an inert stand-in, so that the names the file
calls and the sizes it claims are known before torch allocates a byte. Then ``torch.load(weights_only=True)``.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from .arrays import RECONSTRUCTORS, ArrayType, PickledArray
from .foreign import describe_program, is_plain_pickle

# Modules whose names torch's weights-only reader may accept; it checks each name again.
TRUSTED_MODULES = ("torch", "collections", "_codecs", "numpy")
TRUSTED_NAMES = ("__builtin__.set", "builtins.set", "__builtin__.bytearray", "builtins.bytearray")

# Objects that training frameworks save beside the weights. None of their code runs: an empty object replaces each.
BYSTANDERS = (
    "argparse.Namespace",
    "datetime.timedelta",
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray.scalar",
    "numpy.ndarray",
    "omegaconf.dictconfig.DictConfig",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)

# numpy's arrays: stand-ins keep shape, type and bytes; none of numpy's code runs while reading.
ARRAYS = {"numpy.dtype": ArrayType, **dict.fromkeys(RECONSTRUCTORS, PickledArray)}

ITEM_BYTES = {
    "BFloat16Storage": 2,
    "BoolStorage": 1,
    "ByteStorage": 1,
    "CharStorage": 1,
    "ComplexDoubleStorage": 16,
    "ComplexFloatStorage": 8,
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "IntStorage": 4,
    "LongStorage": 8,
    "ShortStorage": 2,
    "UntypedStorage": 1,
}

LOOKED_AT = 1_000_000  # bytes of a pickle that are searched for the internals of a module
LEGACY_PICKLES = 5  # magic number, protocol, system, the object, its storages' keys


class Bystander:
    """An object that accepts any call and ignores it, but keeps a state of names and values."""

    state: Mapping[str, Any] = {}  # the arguments of a run, from an argparse.Namespace

    def __new__(cls, *args: Any, **kwargs: Any) -> Bystander:
        """Return an empty object for any arguments."""
        return super().__new__(cls)

    def __call__(self, *args: Any, **kwargs: Any) -> Bystander:
        """Take the arguments of a call, an item or a state, and return the same empty object."""
        return self

    def __setstate__(self, state: Any) -> None:
        """Store the named values."""
        if isinstance(state, Mapping):
            self.state = state

    __setitem__ = append = extend = __call__


class _Storage(Bystander):
    item_bytes = 1


class _DryRun(pickle._Unpickler):  # type: ignore[name-defined]
    """Walk a pickle; the pure Python reader, because the C reader allocates the size that a memo index claims."""

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file)
        self.path = path
        self.storages: dict[str, int] = {}
        start = file.tell()
        content = file.read(LOOKED_AT)
        file.seek(start)
        self.is_module = b"_modules" in content and b"_parameters" in content

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full not in (*BYSTANDERS, *ARRAYS, *TRUSTED_NAMES) and module.split(".")[0] not in TRUSTED_MODULES:
            raise InputError(
                f"{self.path} must hold tensors only, got a pickle that wants to run {full}: refused, nothing was run. "
                f"{describe_program(full, self.path.name, is_module=self.is_module)}"
            )
        if module in ("torch", "torch.storage") and name in ITEM_BYTES:
            return type(name, (_Storage,), {"item_bytes": ITEM_BYTES[name]})
        return type(name, (Bystander,), {})

    def persistent_load(self, pid: Any) -> Any:
        kind, storage, key, _, items = pid[:5] if isinstance(pid, tuple) and len(pid) >= 5 else (None,) * 5
        if kind != "storage" or type(items) is not int or items < 0:
            raise InputError(f"{self.path} must refer to storages of a known size, got {pid!r:.80}; fetch it again")
        self.storages[str(key)] = items * getattr(storage, "item_bytes", 1)
        return Bystander()


def read_pickle(path: Path) -> Any:
    """Return what the file holds (usually a dict), on the CPU.

    Raises:
        InputError: a pickle that wants to run code, an archive with unsafe names, sizes that the file cannot hold,
            or a file that is not torch's.
    """
    _check_archive(path) if zipfile.is_zipfile(path) else _check_legacy(path)
    try:
        stand_ins: list[Any] = [(Bystander, name) for name in BYSTANDERS] + [
            (own, name) for name, own in ARRAYS.items()
        ]
        with torch.serialization.safe_globals(stand_ins):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).replace("Weights only load failed.", "").strip().splitlines()
        raise InputError(
            f"{path} must hold tensors only, got something that weights_only refuses ({_reason(reason)}). "
            "Ask its author for a safetensors file"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path} must be a whole file written by torch.save, got: {error}; fetch it again") from error
    _check_views(path, content)
    return content


def _reason(lines: list[str]) -> str:
    named = [line.strip() for line in lines if "GLOBAL" in line or "Unsupported" in line]
    return (named or lines or ["no reason given"])[0][:160]


def _dry_run(path: Path, file: Any) -> _DryRun:
    walker = _DryRun(file, path)
    try:
        walker.load()
    except InputError:
        raise
    except Exception as error:  # a broken pickle may raise any error; all mean the same
        raise InputError(f"{path} must be a whole file of torch.save, got: {error!r}; fetch it again") from error
    return walker


def _check_archive(path: Path) -> None:
    """Check the archive's names and sizes, and the storages that its pickle claims, against the file."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        for entry in entries:
            parts = entry.filename.replace("\\", "/").split("/")
            if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
                raise InputError(f"{path} must hold names inside its archive, got {entry.filename!r}: refused")
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise InputError(f"{path} must hold its records uncompressed, got {entry.filename!r}: refused")
        if len(set(names)) != len(names) or sum(entry.file_size for entry in entries) > size:
            raise InputError(f"{path} must hold each record once and whole, got records that overlap; fetch it again")
        pickles = [name for name in names if name.endswith("/data.pkl") or name == "data.pkl"]
        if len(pickles) != 1:
            raise InputError(
                f"{path} must be written by torch.save, got an archive of {', '.join(names[:3]) or 'nothing'}"
            )
        walker = _dry_run(path, io.BytesIO(_record(path, archive, pickles[0])))
        folder = pickles[0].removesuffix("data.pkl")
        held = {entry.filename: entry.file_size for entry in entries}
        for key, claimed in walker.storages.items():
            if held.get(f"{folder}data/{key}", -1) != claimed:
                got = held.get(f"{folder}data/{key}")
                raise InputError(f"{path} must hold the {claimed} bytes that it claims for storage {key}, got {got}")


def _record(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} must be a whole archive, got: {error}; fetch it again") from error


def _check_legacy(path: Path) -> None:
    """Check the sizes claimed in a file from before torch 1.6 against the file's size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(1) != b"\x80":
            raise InputError(
                f"{path} must be a weights file (safetensors, or written by torch.save), got {_first_bytes(path)}"
            )
        file.seek(0)
        if is_plain_pickle(path):
            _dry_run(path, file)  # refuses code by its name
            raise InputError(
                f"{path} must be a whole file of torch.save, got a plain pickle, as detectron2 and caffe2 write their "
                ".pkl; open it where you trust it and save its arrays by name: numpy.savez('w.npz', **arrays)"
            )
        claimed = sum(sum(_dry_run(path, file).storages.values()) for _ in range(LEGACY_PICKLES))
        if claimed > size - file.tell():
            raise InputError(f"{path} must hold the {claimed} bytes that it claims, got {size - file.tell()}")


def _first_bytes(path: Path) -> str:
    with path.open("rb") as file:
        return f"{path.stat().st_size} bytes that begin with {file.read(12)!r}"


def _check_views(path: Path, content: Any) -> None:
    """Refuse tensors larger than the file: expanded views whose copy would need more memory than the file holds."""
    size = path.stat().st_size
    for tensor in _tensors(content, depth=0):
        if math.prod(tensor.shape) * tensor.element_size() > size:
            raise InputError(f"{path} must hold its tensors whole, got a view of shape {list(tensor.shape)}: refused")


def _tensors(content: Any, depth: int) -> Iterator[torch.Tensor]:
    if isinstance(content, torch.Tensor):
        yield content
    elif depth < 12 and isinstance(content, dict | list | tuple):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _tensors(item, depth + 1)
