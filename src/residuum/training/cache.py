"""At which size a run's pictures are kept decoded."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from .settings import AUTO


def choose_cache(values: dict[str, Any], reasons: dict[str, str]) -> None:
    """Settle ``cache``: what evaluation resizes to, so that it sees the same bits, or the larger size asked for.

    Args:
        values: settings by name, of which ``resize`` and ``image_size`` are settled.
        reasons: gets the choice's.
    """
    least = values["resize"] or max(values["image_size"])
    if values.setdefault("cache", 0) == AUTO:
        values["cache"] = least
        reasons["cache"] = "what evaluation resizes to; random crops are taken from the stored images"
    elif 0 != values["cache"] < least:
        raise InputError(
            f"the cache must keep images of at least {least} pixels, which evaluation resizes the shorter side to, "
            f"got {values['cache']}; leave --cache-size out, or take a smaller --image-size"
        )
