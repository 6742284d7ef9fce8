"""Suggest files for a missing path: similar names in its folder."""

from __future__ import annotations

import os
from collections import Counter
from difflib import SequenceMatcher
from glob import has_magic
from itertools import islice, takewhile
from pathlib import Path

from .names import printable

LOOKED_AT = 20_000  # most entries of a folder to compare by name
SHOWN = 3
LIKE = 0.6  # least similarity of suggested names, of 1
STEM = 0.95  # weight of a match without the ending, relative to a whole name


def files_like(path: str | os.PathLike[str]) -> str:
    """Return a clause for the error about a path that does not exist: the closest names in its folder.

    Where that folder is missing too, the first folder of the path that does not exist is the one to correct. Case
    and ending count little: ``Model.pth`` is like ``model.safetensors``. Hidden files are never offered.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "resnet20.th").touch()
    >>> files_like(folder / "resnet21.th")
    'did you mean resnet20.th?'
    """
    whole = missing = Path(path).expanduser()
    while not _is_folder(missing.parent) and missing.parent != missing:
        missing = missing.parent
    if missing != whole and missing.exists():
        return f"{printable(missing)} is a file, not a folder"
    where = "this folder" if missing.parent == Path() else printable(missing.parent)
    names = _entries(missing.parent)
    if names is None:
        return f"{where} cannot be listed; check the path"
    above = "" if missing == whole else f"{where} has no folder {printable(missing.name)}"
    if close := _closest(missing.name, names):
        return f"{above}{'; ' if above else ''}did you mean {', '.join(map(printable, close))}?"
    return above or _kin(whole.suffix, names, where)


def endings_there(pattern: str) -> str:
    """Return a clause for the error about a pattern that matches nothing: the endings of the files in its folder."""
    fixed = Path(*takewhile(lambda part: not has_magic(part), Path(pattern).expanduser().parts))
    if not _is_folder(fixed):
        return files_like(fixed)
    where = "this folder" if fixed == Path() else printable(fixed)
    counts = Counter(Path(name).suffix for name in _entries(fixed) or [])
    endings = [ending for ending, _ in counts.most_common(SHOWN + 1) if ending]
    return f"the files of {where} end in {', '.join(endings)}" if endings else f"{where} has no file with an ending"


def _kin(suffix: str, names: list[str], where: str) -> str:
    """Name the files with the same ending, where no name is similar."""
    if not names:
        return f"{where} is empty"
    kin = sorted(name for name in names if suffix and Path(name).suffix.lower() == suffix.lower())
    if kin:
        more = f" and {len(kin) - SHOWN} more" if len(kin) > SHOWN else ""
        return f"{where} has {', '.join(map(printable, kin[:SHOWN]))}{more}"
    return f"{where} has no name like it"


def _closest(word: str, names: list[str]) -> list[str]:
    scores = {name: _similarity(word.lower(), name.lower()) for name in names}
    return sorted((name for name in names if scores[name] >= LIKE), key=lambda name: (-scores[name], name))[:SHOWN]


def _similarity(word: str, name: str) -> float:
    """Return the similarity of two names, 0 to 1: with or without their endings."""
    whole = _ratio(word, name)
    stems = _ratio(Path(word).stem, Path(name).stem) if whole < 1 else 0.0
    return max(whole, STEM * stems)


def _ratio(a: str, b: str) -> float:
    matcher = SequenceMatcher(None, a, b)
    return matcher.ratio() if matcher.real_quick_ratio() >= LIKE and matcher.quick_ratio() >= LIKE else 0.0


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _entries(folder: Path) -> list[str] | None:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, LOOKED_AT) if not entry.name.startswith(".")]
    except OSError:
        return None
