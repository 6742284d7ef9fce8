"""Convert file names to text that terminals, tables and pages can show."""

from __future__ import annotations

import re
from pathlib import PurePath

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def printable(name: str | PurePath) -> str:
    r"""Return a name with unprintable parts escaped: bytes that are not UTF-8 and control characters.

    >>> printable("caf\udce9.jpg"), printable("two\nlines.jpg")
    ('caf\\xe9.jpg', 'two\\nlines.jpg')
    """
    return _UNPRINTABLE.sub(_escaped, str(name))


def encodable(text: str) -> str:
    """Return text that UTF-8 can encode: like ``printable``, but keep line ends and other control characters."""
    return _SURROGATE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    if "\udc80" <= character <= "\udcff":  # Python's surrogate for a byte that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
