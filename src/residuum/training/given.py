"""Settings as people write them, brought to the kinds that ``Settings`` declares: the same from every entry point."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from ..errors import InputError, nearest
from .settings import AUTO, Settings

SIZES = ("image_size", "train_size", "early_size")
KINDS = {entry.name: str(entry.type) for entry in fields(Settings)} | {"num_classes": "int"}
# What other libraries call a setting, and what belongs to the model.
ALIASES = {"optimizer": "opt", "optimiser": "opt", "learning_rate": "lr", "scheduler": "sched", "schedule": "sched",
           "wd": "weight_decay", "batch": "batch_size", "num_workers": "workers", "size": "image_size",
           "imgsz": "image_size", "augment": "auto_augment"}  # fmt: skip
OF_THE_MODEL = ("depth", "shortcut", "widths", "in_chans")


def read_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by name, each of its declared kind; what is None and has no such value is left out.

    A size is a side (32), height and width ((24, 32)), or text ("24x32"): it becomes [height, width].

    Raises:
        InputError: no setting is of that name, or a value is of another kind.
    """
    for name in given:
        if name not in KINDS:
            raise InputError(f"no setting is named {name!r}; {_hint(name, given[name])}")
    open_ = {name for name, value in given.items() if value is None and "None" not in KINDS[name]}
    return {name: _read(name, value) for name, value in given.items() if name not in open_}


def read_size(name: str, value: Any) -> list[int]:
    """Return [height, width], pixels."""
    sides: list[Any]
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+)(?:[xX](\d+))?", value.strip())
        sides = [int(found[1]), int(found[2] or found[1])] if found else []
    else:
        sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(_is_whole(side) and side >= 1 for side in sides):
        raise InputError(
            f"{name} must be a side in whole pixels, or height and width, such as 32, (24, 32) or 24x32, got {value!r}"
        )
    return [int(side) for side in sides]


def _hint(name: str, value: Any) -> str:
    if name in OF_THE_MODEL:
        return f"it is an argument of the model: model_arguments={{{name!r}: {value!r}}}"
    if name in ALIASES:
        return f"did you mean {ALIASES[name]}?"
    return nearest(name, sorted(KINDS))


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in SIZES:
        return read_size(name, value)
    if name == "cache" and (value == AUTO or isinstance(value, bool)):
        return (AUTO if value else 0) if isinstance(value, bool) else value
    kind, read = KINDS[name].split(" | ")[0], value
    words, check = CHECKS[kind]
    if kind == "str" and isinstance(value, os.PathLike):
        read = os.fspath(value)
    elif kind == "list[float]" and isinstance(value, tuple):
        read = list(value)
    elif type(value) not in (int, float, bool) and isinstance(value, Real):  # numpy's
        read = int(value) if isinstance(value, Integral) else float(value)
    if not check(read):
        quoted = " (without quotes; YAML takes 1e-3 for text, and 1.0e-3 for a number)" if _is_written(value) else ""
        raise InputError(f"{name} must be {words}, got {value!r}{quoted}")
    return read


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_written(value: Any) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", _is_whole),
    "float": ("a number", _is_number),
    "bool": ("True or False", lambda value: isinstance(value, bool)),
    "str": ("text", lambda value: isinstance(value, str)),
    "list[float]": ("numbers", lambda value: isinstance(value, list) and all(map(_is_number, value))),
    "dict[str, Any]": ("arguments by name", lambda value: isinstance(value, Mapping)),
}
