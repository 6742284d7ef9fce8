"""Settings that do not go together, found before anything is measured or written."""

from __future__ import annotations

from ..errors import InputError
from .table import SETTINGS, Settings


def check_together(settings: Settings) -> None:
    """Raise InputError for settings, each good by itself, that do not go together."""
    if settings.warmup_epochs >= settings.epochs:
        raise InputError(f"warmup_epochs must be below epochs, got {settings.warmup_epochs} of {settings.epochs}")
    if settings.loss == "binary" and settings.label_smoothing:
        raise InputError(
            f"loss binary goes without label_smoothing, got {settings.label_smoothing}; leave one of them out"
        )
    for key in ("head_lr", "bias_lr"):
        value = getattr(settings, key)
        if value is not None and not (value > 0 and settings.lr > 0):
            raise InputError(f"{key} and lr, which it is set in relation to, must be above 0, got {value}")
    early, size = settings.early_epochs, settings.early_size
    if early < 0 or bool(early) != bool(size):
        raise InputError(
            f"early_epochs, at least 0, and early_size go together, got {early} and {size}; give both or neither"
        )
    if settings.validate_every > 1 and settings.choose != "last":
        raise InputError(
            f"validate_every must be at least 1, and 1 where the best epoch is chosen, got {settings.validate_every}; "
            "give --choose last"
        )


def check_streamed(settings: Settings) -> None:
    """Raise InputError for what only images in memory can have."""
    for key in ("pad_mode", "flip_mode", "early_epochs", "whiten"):
        if getattr(settings, key) != SETTINGS[key].default:
            raise InputError(f"{key} is for images in memory, and these are files, decoded as they come; leave it out")
