"""Names in two vocabularies: rows of templates that translate module paths in both directions.

A row such as ``("stages.{s}.{b}.branch.conv{i}", "layer{s+1}.{b}.conv{i}")`` reads from the grammar's name to the
source's and back; ``{s+1}`` is a number one higher than the grammar's. A row translates a module's path; the leaf
(``weight``, ``running_mean``, ...) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

NamePair = tuple[str, str]
NamePairs = tuple[NamePair, ...]

_HOLE = re.compile(r"\{(\w)([+-]\d+)?\}")


def to_source(rows: NamePairs, key: str) -> str | None:
    """Return the source's name of the grammar's ``key``, or None where no row fits."""
    return _translate(rows, key, 0)


def to_grammar(rows: NamePairs, key: str) -> str | None:
    """Return the grammar's name of the source's ``key``, or None where no row fits."""
    return _translate(rows, key, 1)


def tensor_to_source(rows: NamePairs, key: str) -> str | None:
    """Return the source's name of the grammar's ``key``, by rows of whole names."""
    return _first(rows, key, 0)


def tensor_to_grammar(rows: NamePairs, key: str) -> str | None:
    """Return the grammar's name of the source's ``key``, by rows of whole names."""
    return _first(rows, key, 1)


def _translate(rows: NamePairs, key: str, side: int) -> str | None:
    path, _, leaf = key.rpartition(".")
    translated = _first(rows, path, side)
    if translated is None:
        return None
    return f"{translated}.{leaf}" if translated else leaf


def _first(rows: NamePairs, path: str, side: int) -> str | None:
    for row in rows:
        translated = _compiled(row[side], row[1 - side])(path)
        if translated is not None:
            return translated
    return None


@cache
def _compiled(source: str, target: str) -> Callable[[str], str | None]:
    """Return the translation of one template into another."""
    offsets: dict[str, int] = {}
    pattern, position = "", 0
    for hole in _HOLE.finditer(source):
        pattern += re.escape(source[position : hole.start()])
        name, offset = hole.group(1), int(hole.group(2) or 0)
        pattern += rf"(?P={name})" if name in offsets else rf"(?P<{name}>\d{{1,4}})"
        offsets[name] = offset
        position = hole.end()
    matcher = re.compile(pattern + re.escape(source[position:]))

    def translate(path: str) -> str | None:
        match = matcher.fullmatch(path)
        if match is None:
            return None
        numbers = {name: int(match.group(name)) - offset for name, offset in offsets.items()}
        if min(numbers.values(), default=0) < 0:
            return None
        return _HOLE.sub(lambda hole: str(numbers[hole.group(1)] + int(hole.group(2) or 0)), target)

    return translate
