"""Write a folder completely or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import DiskError, InputError
from ..files import settle, sync

MARK = "parity.json"  # marks a folder as an export


def check_free(folder: Path) -> None:
    """Raise InputError if the path exists and is not an export folder; only exports may be replaced."""
    if folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir())):
        return
    if folder.exists() or folder.is_symlink():
        raise InputError(
            f"--output must be a new folder or an earlier export, got {folder}, which holds something else"
        )


@contextlib.contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; on success sync and rename it, else remove it.

    An earlier export of that name stays until the new one is complete.

    Raises:
        InputError: the path holds something else.
        DiskError: the file system refuses.
    """
    check_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        yield temporary
        _finish(temporary, folder)
    except OSError as error:
        raise _refused(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _finish(temporary: Path, folder: Path) -> None:
    for path in (*temporary.iterdir(), temporary):
        settle(path)
    if folder.exists():
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
            folder.rename(Path(aside) / "before")
            temporary.rename(folder)
    else:
        temporary.rename(folder)
    sync(folder.parent)


def _refused(folder: Path, error: OSError) -> Exception:
    if isinstance(error, DiskError):
        return error
    return DiskError(f"could not write {folder}: {error.strerror or error}. Free space or choose another folder.")
