"""Counts of the variants, measured once for each state of the code and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import DiskError, InputError
from ..files import cache_directory, write_text
from .counts import Counts, count_variant

ROOMS = ("nn", "models")  # what the counts depend on
MANY = 20  # models whose measurement takes long enough to be announced


def counts_of(names: Iterable[str], tell: Callable[[str], None] | None = None) -> dict[str, Counts]:
    """Return the counts of each variant, from the cache where this very code has measured them before.

    Args:
        names: of the variants.
        tell: receives a line before a measurement of many models, which takes up to a minute.
    """
    names, known = list(names), _read()
    if tell and (new := sum(name not in known for name in names)) >= MANY:
        tell(f"measuring {new} models, once; later calls read the counts from the cache")
    counts = {name: known.get(name) or count_variant(name) for name in names}
    if set(counts) - set(known):
        with contextlib.suppress(DiskError, InputError):  # a cache that cannot be written costs some seconds, no more
            write_text(_place(), json.dumps({**known, **counts}))
    return counts


def _place() -> Path:
    return cache_directory() / f"counts-{_code()}.json"


def _read() -> dict[str, Counts]:
    try:
        return {name: Counts(*pair) for name, pair in json.loads(_place().read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError):  # not there, or damaged: measured again
        return {}


def _code() -> str:
    digest = hashlib.sha256()
    for room in ROOMS:
        for file in sorted((Path(__file__).parents[1] / room).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
