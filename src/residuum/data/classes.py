"""Compare class names: of two folders, or of a model and a data set."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

from residuum_runtime.names import printable

from ..errors import InputError
from .listing import enumerated


def loosely(name: str) -> str:
    """Return a name without its case, outer blanks and Unicode's two encodings of an accent."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def check_side(folder: str, names: Sequence[str], classes: Sequence[str]) -> None:
    """Refuse class folders of a side that train/ lacks, and name near-identical classes of train/."""
    if not (extra := sorted(set(names) - set(classes))):
        return
    known = {loosely(name): name for name in classes}
    alike = [f"{name} is {known[loosely(name)]} there" for name in extra if loosely(name) in known]
    hint = f" ({enumerated(alike)}: rename one)" if alike else ""
    raise InputError(
        f"{folder} has classes that train/ lacks: {enumerated(extra)}{hint}; add or remove them, or give them train's "
        "names"
    )


def twins(classes: Sequence[str]) -> list[str]:
    """Return notes on classes whose names differ only in case, blanks or the encoding of accents."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(loosely(name), []).append(name)
    return [
        f"{' and '.join(repr(printable(name)) for name in group)} are {len(group)} classes, though their names are "
        "almost the same; merge the folders if they are one"
        for group in groups.values()
        if len(group) > 1
    ]


def note_lacking(side: str, classes: Sequence[str], present: Collection[int]) -> list[str]:
    """Note the classes that a side has no image of."""
    missing = [name for label, name in enumerate(classes) if label not in present]
    if not missing:
        return []
    return [
        f"{side} has no image of {enumerated(missing)}; its figures cover {len(classes) - len(missing)} of "
        f"{len(classes)} classes"
    ]
