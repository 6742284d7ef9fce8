"""Cache measurements of this machine, so that each is made once."""

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
    """Return the values of ``NAME.json`` by key; empty where the file is missing or invalid."""
    try:
        content = json.loads(_place(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remember(name: str, key: str, value: Any) -> None:
    """Add a value; where the cache cannot be written, the measurement only repeats."""
    with contextlib.suppress(OSError, InputError):
        _place(name).parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=_place(name).parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({**recall(name), key: value}, file, indent=1)
        Path(temporary).replace(_place(name))


def _place(name: str) -> Path:
    return cache_directory() / f"{name}.json"
