"""What goes wrong in the user's hands: every such error says what must hold, what was got, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from residuum_runtime.errors import ImageError, InputError, ResiduumError

__all__ = ["DiskError", "ImageError", "InputError", "ParityFailed", "ResiduumError", "StudyFailed", "nearest", "pick"]

Name = TypeVar("Name")
Value = TypeVar("Value")


class StudyFailed(ResiduumError):
    """A check or a study ran to its end and its expectation did not hold."""

    exit_code = 1


class ParityFailed(ResiduumError):
    """An exported file says something else than the model that it was made from."""

    exit_code = 3


class DiskError(ResiduumError, OSError):
    """A file could not be written; what stood there before still stands."""


def nearest(word: str, known: list[str], count: int = 3) -> str:
    """Return ``did you mean a, b?`` for the known words closest to ``word``, or the first few known ones."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=count, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known[:12])}"


def pick(table: Mapping[Name, Value], name: Name, what: str, *, listed: bool = True, more: str = "") -> Value:
    """Return what a table holds under a name.

    Args:
        table: by name.
        name: as it was given, whatever its type.
        what: what the name stands for: "merge".
        listed: whether the error lists all names; of a long table it names the nearest only.
        more: words that the error adds: what may be given beside the names, or where all stand.

    Raises:
        InputError: the table has no such name.

    >>> pick({"add": 1, "gate": 2}, "gate", "merge")
    2
    """
    known = list(table)
    if name in known:  # and not "in table", which takes no lists
        return table[name]
    names = [str(one) for one in known]
    if not listed:
        raise InputError(f"no {what} is named {name!r}; {nearest(str(name), names)}{more}")
    hint = nearest(str(name), names) if isinstance(name, str) else ""
    hint = f"; {hint}" if hint.startswith("did") else ""
    raise InputError(f"{what} must be one of {', '.join(names)}{more}, got {name!r}{hint}")
