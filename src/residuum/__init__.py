"""Residuum builds, trains, explains and ships residual networks.

Every name below is loaded where it is first used: ``import residuum`` reads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data import open_data
    from .evaluation import evaluate, predict
    from .models import Description, Preprocessing, list_models
    from .training import train_model
    from .weights import create_model, load, save

__version__ = "0.1.0"

# public name: the room it comes from
_ROOMS = {
    "Description": "models",
    "Preprocessing": "models",
    "create_model": "weights",
    "evaluate": "evaluation",
    "list_models": "models",
    "load": "weights",
    "open_data": "data",
    "predict": "evaluation",
    "save": "weights",
    "train_model": "training",
}

__all__ = [
    "Description",
    "Preprocessing",
    "__version__",
    "create_model",
    "evaluate",
    "list_models",
    "load",
    "open_data",
    "predict",
    "save",
    "train_model",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'residuum' has no attribute {name!r}")
    value = getattr(import_module(f".{_ROOMS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
