"""Run what ``residuum export`` has written: numpy, Pillow and one engine; no torch.

Every name below is loaded where it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import Card
    from .engine import Accuracy, Engine
    from .errors import InputError, ResiduumError
    from .predictions import Prediction

_FILES = {
    "Accuracy": "engine",
    "Card": "card",
    "Engine": "engine",
    "InputError": "errors",
    "Prediction": "predictions",
    "ResiduumError": "errors",
}

__all__ = ["Accuracy", "Card", "Engine", "InputError", "Prediction", "ResiduumError"]


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module 'residuum_runtime' has no attribute {name!r}")
    value = getattr(import_module(f".{_FILES[name]}", __name__), name)
    globals()[name] = value
    return value
