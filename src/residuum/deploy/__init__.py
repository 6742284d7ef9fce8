"""Ship a model: fold, export, quantise, and verify that the file equals the model. Imports torch only to export."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from residuum_runtime import Engine

if TYPE_CHECKING:
    from ..evaluation.running import as_model
    from .exporting import export
    from .form import Form
    from .targets import TARGETS

_FILES = {"TARGETS": ".targets", "as_model": "..evaluation.running", "export": ".exporting", "Form": ".form"}

__all__ = ["TARGETS", "Engine", "Form", "as_model", "export"]


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module 'residuum.deploy' has no attribute {name!r}")
    value = getattr(import_module(_FILES[name], __name__), name)
    globals()[name] = value
    return value
