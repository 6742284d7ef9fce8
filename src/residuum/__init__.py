"""Residuum builds, trains, explains and ships residual networks.

Every name below is loaded where it is first used: ``import residuum`` reads no torch. So are the rooms
(``residuum.models``, ``residuum.nn``, ...). The errors, and their exit codes: ``help(residuum.errors)``.

>>> import residuum
>>> model = residuum.create_model("cifar_resnet20", num_classes=3)
>>> model.num_classes
3
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data import open_data
    from .errors import (
        DiskError,
        Diverged,
        ImageError,
        InputError,
        Interrupted,
        LaunchFailed,
        OutOfMemory,
        ParityFailed,
        ProcessLost,
        ResiduumError,
        StudyFailed,
    )
    from .evaluation import evaluate, predict
    from .models import Description, Preprocessing, list_models
    from .training import train_model
    from .weights import create_model, load, save

__version__ = "0.1.0"

# public name: the room it comes from
_ROOMS = {
    "Description": "models",
    "DiskError": "errors",
    "Diverged": "errors",
    "ImageError": "errors",
    "InputError": "errors",
    "Interrupted": "errors",
    "LaunchFailed": "errors",
    "OutOfMemory": "errors",
    "ParityFailed": "errors",
    "Preprocessing": "models",
    "ProcessLost": "errors",
    "ResiduumError": "errors",
    "StudyFailed": "errors",
    "create_model": "weights",
    "evaluate": "evaluation",
    "list_models": "models",
    "load": "weights",
    "open_data": "data",
    "predict": "evaluation",
    "save": "weights",
    "train_model": "training",
}

# What can be written as ``residuum.NAME`` without an import of its own.
_MODULES = ("analysis", "data", "deploy", "errors", "evaluation", "models", "nn", "report", "training", "weights")

# What other libraries call it: what to write here.
_ELSEWHERE = {
    "from_pretrained": "residuum.load('hf://OWNER/NAME'), or a file in place of the name",
    "load_model": "residuum.load(FILE)",
    "save_model": "residuum.save(model, FILE)",
    "save_pretrained": "residuum.save(model, FILE)",
    "get_model": "residuum.create_model(NAME)",
    "build_model": "residuum.create_model(NAME)",
    "list_pretrained": "residuum.list_models(); weights of others are named torchvision:NAME, timm:NAME, hf://OWNER/NAME",
    "is_model": "NAME in residuum.list_models()",
    "fit": "residuum.train_model(DATA, output=FOLDER)",
    "train": "residuum.train_model(DATA, output=FOLDER)",
    "Trainer": "residuum.train_model(DATA, output=FOLDER)",
    "pipeline": "residuum.predict(MODEL, IMAGES)",
}

__all__ = [
    "Description",
    "DiskError",
    "Diverged",
    "ImageError",
    "InputError",
    "Interrupted",
    "LaunchFailed",
    "OutOfMemory",
    "ParityFailed",
    "Preprocessing",
    "ProcessLost",
    "ResiduumError",
    "StudyFailed",
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
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _ROOMS:
        hint = f"; write {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
        raise AttributeError(f"module 'residuum' has no attribute {name!r}{hint}")
    value = getattr(import_module(f".{_ROOMS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
