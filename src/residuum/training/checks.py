"""Settings of how pictures are shown that do not go together, found before anything is read or measured."""

from __future__ import annotations

from typing import Any

from ..data.loaders import FLIP_MODES
from ..data.pixels import PAD_MODES
from ..errors import InputError
from ..evaluation.views import pick_view


def check_views(values: dict[str, Any]) -> None:
    """Find settings that do not go together in how pictures are shown, and how often the network is asked."""
    pick_view(values.get("views", "centre"))
    for key, known in (("pad_mode", PAD_MODES), ("flip_mode", FLIP_MODES)):
        if values.get(key, known[0]) not in known:
            raise InputError(f"{key} must be {' or '.join(known)}, got {values[key]!r}")
    for key in ("head_lr", "bias_lr"):
        if values.get(key) is not None and not (values[key] > 0 and values["lr"] > 0):
            raise InputError(f"{key} and lr, which it is set in relation to, must be above 0, got {values[key]}")
    early = values.get("early_epochs", 0)
    if early < 0 or bool(early) != bool(values.get("early_size")):
        raise InputError(
            f"early_epochs, at least 0, and early_size go together, got {early} and {values.get('early_size')}; "
            "give both or neither"
        )
    every = values.get("validate_every", 1)
    if every < 1 or (every > 1 and values["choose"] != "last"):
        raise InputError(
            f"validate_every must be at least 1, and 1 where the best epoch is chosen, got {every}; give --choose last"
        )


def check_streamed(values: dict[str, Any]) -> None:
    """Refuse what only pictures in memory can have."""
    usual = {"pad_mode": PAD_MODES[0], "flip_mode": FLIP_MODES[0], "early_epochs": 0, "whiten": False}
    if asked := [key for key, value in usual.items() if values.get(key, value) != value]:
        raise InputError(f"{asked[0]} is for images in memory, and these are files, decoded as they come; leave it out")
