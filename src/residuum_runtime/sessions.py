"""The engines and the files that each can run. A new engine is a file with ``open_session`` and a line in ENGINES."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .card import Card
from .errors import InputError
from .missing import files_like
from .names import printable


class Session(Protocol):
    """A file loaded by an engine."""

    card: Card

    def run(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the file's output for a batch [N, C, H, W] of the type that the file takes."""
        ...


class EngineKind(NamedTuple):
    """An engine: the module here that opens it, the library it needs, the kinds of file it runs."""

    module: str
    library: str
    suffixes: tuple[str, ...]


ENGINES = {
    "openvino": EngineKind("openvino_session", "openvino", (".xml", ".onnx")),
    "onnxruntime": EngineKind("onnxruntime_session", "onnxruntime", (".onnx",)),
    "torch": EngineKind("torch_session", "torch", (".pt2",)),
}

# exports: the file's name and its engine
FILES = {"model.xml": "openvino", "model.onnx": "onnxruntime", "model.pt2": "torch"}
MADE_FOR = {Path(name).suffix: engine for name, engine in FILES.items()}


def is_exported(path: str | Path) -> bool:
    """Return whether the path is an exported file or a folder with one, without opening it."""
    path = Path(path)
    return path.suffix in MADE_FOR or (path.is_dir() and any((path / name).is_file() for name in FILES))


def exported_file(path: str | Path) -> Path:
    """Return the engine's file at the path, or in that folder.

    Raises:
        InputError: no such path, or no export at it.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in FILES if (path / name).is_file()]
        if not found:
            raise InputError(f"{path} must hold one of {', '.join(FILES)}, as `residuum export` writes them; got none")
        return found[0]
    if not path.is_file():
        raise InputError(f"expected an exported file or folder, but there is no {printable(path)}; {files_like(path)}")
    if path.suffix not in MADE_FOR:
        raise InputError(
            f"an exported file ends in {', '.join(MADE_FOR)}, got {path.name}; write one with `residuum export`"
        )
    return path


def engines_for(path: Path) -> list[str]:
    """Return the engines that can run the file, its own engine first, installed or not."""
    able = [name for name, row in ENGINES.items() if path.suffix in row.suffixes]
    return sorted(able, key=lambda name: name != MADE_FOR[path.suffix])


def installed(engine: str) -> bool:
    """Return whether the engine's library is installed, without loading it."""
    return find_spec(ENGINES[engine].library) is not None


def engine_version(engine: str) -> str:
    """Return the version of the engine's library; empty where it is not installed."""
    try:
        return version(ENGINES[engine].library)
    except PackageNotFoundError:
        return ""


def open_session(path: Path, engine: str, threads: int) -> Session:
    """Load the file with that engine.

    Raises:
        InputError: an unknown engine, one that is not installed, a file for another engine, a damaged file.
    """
    if engine not in ENGINES:
        raise InputError(f"engine must be one of auto, {', '.join(ENGINES)}, got {engine!r}")
    row = ENGINES[engine]
    if path.suffix not in row.suffixes:
        raise InputError(
            f"{engine} runs {' and '.join(row.suffixes)} files, got {path.name}, made for {MADE_FOR[path.suffix]}; "
            f"leave the engine out, or export again with --to {engine.removesuffix('runtime')}"
        )
    if not installed(engine):
        raise InputError(f"{path.name} runs on {engine}, which is not installed; pip install {row.library}")
    return import_module(f".{row.module}", __package__).open_session(path, threads)
