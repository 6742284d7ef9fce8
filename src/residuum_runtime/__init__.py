"""Run exports of ``residuum export`` with numpy, Pillow and one engine; no torch.

Each name below is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import Card
    from .engine import Accuracy, Engine
    from .errors import ImageError, InputError, ResiduumError
    from .predictions import Prediction, Unread

_FILES = {
    "Accuracy": "engine",
    "Card": "card",
    "Engine": "engine",
    "ImageError": "errors",
    "InputError": "errors",
    "Prediction": "predictions",
    "ResiduumError": "errors",
    "Unread": "predictions",
}

__all__ = ["Accuracy", "Card", "Engine", "ImageError", "InputError", "Prediction", "ResiduumError", "Unread"]


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module 'residuum_runtime' has no attribute {name!r}")
    value = getattr(import_module(f".{_FILES[name]}", __name__), name)
    globals()[name] = value
    return value
