"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from residuum_runtime.machine import cache_directory

from .errors import DiskError, InputError

__all__ = [
    "cache_directory",
    "locked",
    "refusals_told",
    "replacing",
    "settle",
    "sweep",
    "sync",
    "write_bytes",
    "write_text",
]

# As ``replacing`` names them: .NAME.SUFFIX.xxxxxxxx.SUFFIX
_TEMPORARY = re.compile(r"\..+(\.\w+)\.[a-z0-9_]{8}\1")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed onto ``path``.

    Whatever fails inside, the old file stays as it was and nothing is left beside it. Raises DiskError when the
    file system refuses (full, read-only), naming the file and the remedy.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _disk_error(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        settle(temporary)
        temporary.replace(path)
        sync(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if (refusal := _refusal(error)) is not None:
            raise _disk_error(path, refusal) from error
        raise


def settle(path: Path) -> None:
    """Make a temporary file or folder ready to take its name: readable as a new one would be, and on the disk."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
    sync(path)


def sync(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def refusals_told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the file system's refusal to write ``path`` inside the block into a DiskError."""
    try:
        yield
    except OSError as error:
        if _refusal(error) is None:
            raise
        raise _disk_error(Path(path), error) from error


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that ``replacing`` left in the folder when its process was killed."""
    for path in Path(folder).glob(".*"):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write bytes atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _refusal(error: BaseException) -> BaseException | None:
    """Tell a file system's refusal from other failures, also where a library wraps it in an error of its own."""
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EFBIG,
    ):
        return error
    wrapped = ("No space left", "File too large", "PytorchStreamWriter failed", "unexpected pos", "os error 28")
    return error if isinstance(error, Exception) and any(words in str(error) for words in wrapped) else None


def _disk_error(path: Path, error: BaseException) -> DiskError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return DiskError(
        f"could not write {path}: {reason}. What stood there before is untouched; free space or choose another folder."
    )


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], message: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` (created if needed) for this process; raise InputError if another has it.

    With ``waiting`` it is waited for instead, after that was called once.

    The operating system lets go of it when the process ends, however it ends; its children do not hold it, since they
    may outlive it (workers of a killed process take seconds to notice). Where there is no flock (Windows) there is no
    lock.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with Path(path).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is None:
                raise InputError(message) from None
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        _let_go_in_children()
        _locks.add(file)
        try:
            yield
        finally:
            _locks.discard(file)


_locks: set[TextIO] = set()


@functools.cache
def _let_go_in_children() -> None:
    def close() -> None:
        for file in _locks:
            file.close()

    os.register_at_fork(after_in_child=close)
