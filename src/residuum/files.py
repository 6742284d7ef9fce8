"""Atomic file writes: a file appears complete or not at all."""

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
    "make_folder",
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

# How a file system refuses a write: no space, no permission, a file in place of a folder, an impossible name.
_REFUSALS = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EEXIST", "EISDIR", "ENAMETOOLONG")
    if hasattr(errno, name)
)
REMEDY = "free space or choose another folder"


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], remedy: str = REMEDY) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced and renamed onto ``path``.

    If anything fails inside, the old file stays as it was and no temporary file remains. Raises DiskError when the
    file system refuses (full, read-only), naming the file and the remedy.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _disk_error(path, error, remedy) from error
    temporary = Path(name)
    try:
        yield temporary
        settle(temporary)
        temporary.replace(path)
        sync(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if (refusal := _refusal(error)) is not None:
            raise _disk_error(path, refusal, remedy) from error
        raise


def settle(path: Path) -> None:
    """Prepare a temporary file or folder for its rename: the permissions of a new one, the content on the disk."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
    sync(path)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk.

    Windows flushes a file only through a descriptor opened for writing, and opens no folder at all: the system alone
    decides when it writes a folder's entries. The same applies where a file system cannot flush a folder, or this user
    may not read it.
    """
    folder = path.is_dir()
    try:
        descriptor = _opened(path, folder)
    except PermissionError:
        if folder:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not folder or error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _opened(path: Path, folder: bool) -> int:
    if folder:
        return os.open(path, os.O_RDONLY)
    try:
        return os.open(path, os.O_RDWR)
    except PermissionError:  # a umask that denies the owner write permission
        return os.open(path, os.O_RDONLY)


@contextlib.contextmanager
def refusals_told(path: str | os.PathLike[str], remedy: str = REMEDY) -> Iterator[None]:
    """Turn the file system's refusal to write ``path`` inside the block into a DiskError with the remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, DiskError) or _refusal(error) is None:
            raise
        raise _disk_error(Path(path), error, remedy) from error


def make_folder(path: str | os.PathLike[str], remedy: str = REMEDY) -> Path:
    """Make a folder and its parents if they are missing; raise DiskError with the remedy if that fails."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _disk_error(folder, error, remedy) from error
    return folder


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
    """Return a file system's refusal, also one that a library wraps in its own error; None for other failures."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        return error
    wrapped = ("No space left", "File too large", "PytorchStreamWriter failed", "unexpected pos", "os error 28")
    return error if isinstance(error, Exception) and any(words in str(error) for words in wrapped) else None


def _disk_error(path: Path, error: BaseException, remedy: str = REMEDY) -> DiskError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return DiskError(f"could not write {path}: {reason}. The previous content is intact; {remedy}.")


@contextlib.contextmanager
def locked(
    path: str | os.PathLike[str], message: str, waiting: Callable[[], None] | None = None, remedy: str = REMEDY
) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` (created if needed) for this process; raise InputError if another holds it.

    With ``waiting``, call that once and wait for the lock instead.

    The operating system releases it when the process ends, for any reason; its children do not hold it, since they may
    outlive it (workers of a killed process take seconds to notice). Where there is no flock (Windows, many network and
    FUSE file systems, each with its own error) there is no lock.

    Raises DiskError where the file cannot be made.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with refusals_told(path, remedy):
        opened = Path(path).open("w")  # noqa: SIM115  the block below closes it
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # CIFS raises the latter when another process holds it
            if waiting is None:
                raise InputError(message) from None
            waiting()
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass
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

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)
