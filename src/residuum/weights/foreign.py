"""Files that users mistake for weights: what they are, and what to do. Nothing in them is run."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError

LOOKED_AT = 1024  # bytes read from the start, enough for every format below
LEGACY_MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa850192e")  # torch.save before 1.6 pickles this number first

TO_NUMBERS = "save its numbers as safetensors, or as an .npz of arrays, with the library that wrote it"
UNPACK = "unpack it and give the weights file inside"

# first bytes (a pattern), what the file is, what to do
STARTS: tuple[tuple[bytes, str, str], ...] = (
    (rb"version https://git-lfs", "a Git LFS pointer, not the file itself", "run `git lfs pull`, or fetch the file"),
    (
        rb"\s*(<!doctype html|<html|<\?xml|<head)",
        "a web page, most likely an error or a consent page of the download",
        "fetch the file again and check the address",
    ),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow write .h5", TO_NUMBERS),
    (rb"\x1f\x8b", "a gzip archive", UNPACK),
    (rb"BZh", "a bzip2 archive", UNPACK),
    (rb"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (rb"Rar!", "a RAR archive", UNPACK),
    (rb"(?s).{257}ustar", "a tar archive", UNPACK),
    (rb"\x93NUMPY", "one numpy array (.npy)", "save the arrays by name with numpy.savez"),
    (rb"GGUF", "a GGUF file of quantised weights", "fetch the model's safetensors file"),
    (rb"(?s).{4}TFL3", "a TensorFlow Lite model", TO_NUMBERS),
    (
        rb"(?s)\x08[\x01-\x20][\x12\x3a:].{0,40}?(onnx|pytorch|tf2onnx|residuum|main_graph)|\x08[\x03-\x0d]\x12\x07pytorch",
        "an ONNX graph",
        "predict with it if `residuum export` wrote it; to train, take the weights that it was exported from",
    ),
    (rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF", "an image", "give the weights file"),
    (rb"%PDF", "a PDF", "give the weights file"),
    (rb"\s*[{\[]\s*\"", "a JSON text", "give the weights file that it stands beside"),
)

ENDINGS: dict[str, tuple[str, str]] = {
    ".onnx": ("an ONNX graph", "to train, take the weights that it was exported from"),
    ".msgpack": ("a msgpack file, as Flax writes it", TO_NUMBERS),
    ".pb": ("a TensorFlow graph", TO_NUMBERS),
    ".index": ("the index of a TensorFlow checkpoint", TO_NUMBERS),
    ".caffemodel": ("a Caffe model", TO_NUMBERS),
    ".mlmodel": ("a Core ML model", TO_NUMBERS),
    ".ckpt-data": ("a shard of a TensorFlow checkpoint", TO_NUMBERS),
}

# a name inside a zip archive (a pattern), what the archive is, what to do
ARCHIVES: tuple[tuple[str, str, str], ...] = (
    (
        r"(^|/)(constants\.pkl|code/)",
        "a TorchScript program",
        "open it where you trust it and save its state dict: torch.save(torch.jit.load(FILE).state_dict(), 'w.pth')",
    ),
    (
        r"(^|/)(archive_format|serialized_exported_program\.json|models/model\.json)$",
        "a program of torch.export (.pt2)",
        "open it where you trust it and save its state dict: torch.save(torch.export.load(FILE).state_dict, 'w.pth')",
    ),
    (r"(^|/)model\.weights\.h5$", "a Keras model (.keras)", TO_NUMBERS),
    (r"\.(pth|pt|bin|safetensors|ckpt)$", "a zip archive with weights files in it", UNPACK),
)


def refuse_foreign(path: Path) -> None:
    """Return for files that may hold weights; else raise an error that names the file's kind and the remedy.

    Raises:
        InputError: a file of another known kind, by its first bytes, its archive's content or its ending.
    """
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
    if not start and path.suffix != ".safetensors":
        raise _refused(path, "0 bytes: an empty file", "fetch it again")
    for pattern, what, remedy in STARTS:
        if re.match(pattern, start, re.IGNORECASE):
            raise _refused(path, what, remedy)
    if start[:2] == b"PK":
        _refuse_archive(path)
    elif start[:1] != b"\x80" and path.suffix in ENDINGS:
        raise _refused(path, *ENDINGS[path.suffix])
    if re.match(rb"[\x81-\x8f\xde\xdf].{0,4}?[\xa1-\xbf\xd9]", start, re.DOTALL) and path.suffix == ".msgpack":
        raise _refused(path, *ENDINGS[".msgpack"])


# Prefixes of names that a pickle calls: what the file is, and how to extract a state dict.
LEARNER = "torch.save(load_learner(FILE).model.state_dict(), 'w.pth')"
PROGRAMS: tuple[tuple[str, str, str], ...] = (
    ("fastai.", "a learner that fastai exported", LEARNER),
    ("fastcore.", "a learner that fastai exported", LEARNER),
)
MODULE = "torch.save(torch.load(FILE, weights_only=False).state_dict(), 'w.pth')"


def describe_program(name: str, file: str, *, is_module: bool) -> str:
    """Return what kind of pickle calls ``name``, and what to do.

    Args:
        name: a class or function, with its module.
        file: the file's name.
        is_module: whether the pickle holds the internals of a torch module.
    """
    found = next((row for row in PROGRAMS if name.startswith(row[0])), None)
    _, what, code = found or ("", "a whole module of torch, not its state dict", MODULE if is_module else "")
    if not code:
        return "Ask its author for a safetensors file"
    return f"It is {what}; where you trust it: {code.replace('FILE', repr(file))}"


def is_numpy_archive(path: Path) -> bool:
    """Return whether the file is an .npz: a zip archive that holds only arrays."""
    names = _names(path)
    return bool(names) and all(name.endswith(".npy") for name in names)


def is_plain_pickle(path: Path) -> bool:
    """Return whether this is a plain Python pickle; torch.save's pickles before 1.6 begin with a magic number."""
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
    return start[:1] == b"\x80" and start[1:2] in b"\x01\x02\x03\x04\x05" and LEGACY_MAGIC not in start


def _refuse_archive(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} must be a whole file of torch.save, got a zip archive that is cut short; "
                         "fetch it again")  # fmt: skip
    names = _names(path)
    if any(re.fullmatch(r"([^/]+/)?data\.pkl", name) for name in names):
        described = [row for row in ARCHIVES[:1] if _any(row[0], names)]
    else:
        described = [row for row in ARCHIVES if _any(row[0], names)]
    if described:
        raise _refused(path, described[0][1], described[0][2].replace("FILE", repr(path.name)))


def _any(pattern: str, names: Sequence[str]) -> bool:
    return any(re.search(pattern, name) for name in names)


def _names(path: Path) -> list[str]:
    if not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _refused(path: Path, what: str, remedy: str) -> InputError:
    return InputError(f"{path} must be a weights file (safetensors, or written by torch.save), got {what}; {remedy}")
