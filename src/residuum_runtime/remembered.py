"""What was measured on this machine, kept in the cache directory so that it is measured once."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import InputError
from .machine import cache_directory


def recall(name: str) -> dict[str, Any]:
    """Return what ``NAME.json`` holds by its keys; empty where it is not there, or no such file."""
    try:
        content = json.loads(_place(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remember(name: str, key: str, value: Any) -> None:
    """Put a value beside the others; a cache that cannot be written only costs the measurement again."""
    with contextlib.suppress(OSError, InputError):
        _place(name).parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=_place(name).parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({**recall(name), key: value}, file, indent=1)
        Path(temporary).replace(_place(name))


def _place(name: str) -> Path:
    return cache_directory() / f"{name}.json"
