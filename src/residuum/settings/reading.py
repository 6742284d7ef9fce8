"""Settings as people write them, brought to the kinds that the table declares: the same from every entry point."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import yaml

from ..errors import InputError, nearest
from .declaring import AUTO, Setting, Value
from .table import PARTS, SETTINGS

Asked = Mapping[str, Value]  # settings by name, each read and checked; what is not there is open

# What other libraries call a setting, and what belongs to the model.
ALIASES = {"optimizer": "opt", "optimiser": "opt", "learning_rate": "lr", "scheduler": "sched", "schedule": "sched",
           "wd": "weight_decay", "batch": "batch_size", "num_workers": "workers", "size": "image_size",
           "imgsz": "image_size", "augment": "auto_augment"}  # fmt: skip
OF_THE_MODEL = ("depth", "shortcut", "widths", "in_chans")


class Kind(NamedTuple):
    """How values of an annotation are read."""

    words: str
    check: Callable[[Any], bool]
    parse: Callable[[str], Any]  # text of a flag; raises ValueError or YAMLError


def read_asked(given: Mapping[str, object]) -> dict[str, Value]:
    """Return settings by name, each of its declared kind and within its bounds; None where it is no value is left out.

    A size is a side (32), height and width ((24, 32)), or text ("24x32"): it becomes [height, width].

    Raises:
        InputError: no setting is of that name, or a value is of another kind or out of bounds.

    >>> read_asked({"epochs": 3, "image_size": (24, 32), "num_classes": 12})
    {'epochs': 3, 'image_size': [24, 32], 'model_arguments': {'num_classes': 12}}
    """
    for name, value in given.items():
        if name not in SETTINGS and name != "num_classes":
            raise InputError(f"no setting is named {name!r}; {hint(name, value)}")
    asked = {name: value for name, value in given.items() if value is not None or _may_be_none(name)}
    return gather_parts({name: read_value(name, value) for name, value in asked.items()})


def gather_parts(asked: Asked) -> dict[str, Value]:
    """Return the settings with those arguments of the model that have names of their own in ``model_arguments``."""
    parts = {name: value for name, value in asked.items() if name in PARTS}
    if not parts:
        return dict(asked)
    others = {name: value for name, value in asked.items() if name not in PARTS}
    before = others.get("model_arguments") or {}
    assert isinstance(before, dict)
    return {**others, "model_arguments": {**before, **parts}}


def read_value(name: str, value: object) -> Value:
    """Return a value of that setting, checked."""
    if value is None:
        return None
    declared = _declared(name)
    read = READERS.get(_kind(declared), _read)(declared, value)
    if declared.rule is not None and not declared.rule.holds(read):
        close = f"; {nearest(str(read), list(declared.rule.choices))}" if len(declared.rule.choices) > 4 else ""
        raise InputError(f"{name} must {declared.rule.must}, got {read!r}{close}")
    return read


def parse_value(name: str, text: str) -> Value:
    """Return the value of that setting that the text of a flag describes, checked."""
    declared = _declared(name)
    if _kind(declared) in READERS:
        return read_value(name, text)
    words, _, parse = KINDS[_kind(declared)]
    try:
        value = parse(text)
    except (ValueError, yaml.YAMLError):
        raise InputError(f"{name} must be {words}, got {text!r}") from None
    return read_value(name, value)


def parse_setting(text: str) -> tuple[str, Value]:
    """Return name and value of ``KEY=VALUE``; raise InputError for an unknown key or a value of another kind."""
    key, equals, written = text.partition("=")
    key = key.strip().replace("-", "_")
    if not equals or (key not in SETTINGS and key not in PARTS):
        what = "give its value too" if key in SETTINGS or key in PARTS else hint(key, written)
        raise InputError(f"expected SETTING=VALUE, such as lr=0.05, got {text!r}; {what}")
    return key, parse_value(key, written)


def hint(name: str, value: object) -> str:
    """Return what to write instead of a name that no setting has."""
    if name in OF_THE_MODEL:
        return f"it is an argument of the model: model_arguments={{{name!r}: {value!r}}}"
    if name in ALIASES:
        return f"did you mean {ALIASES[name]}?"
    return nearest(name, sorted([*SETTINGS, "num_classes"]))


def _declared(name: str) -> Setting:
    return SETTINGS[name] if name in SETTINGS else PARTS[name]


def _kind(declared: Setting) -> str:
    return declared.kind.removesuffix(" | None")


def _may_be_none(name: str) -> bool:
    return name in SETTINGS and SETTINGS[name].may_be_none


def _read(declared: Setting, value: Any) -> Any:
    kind, read = _kind(declared), value
    if kind == "str" and isinstance(value, os.PathLike):
        read = os.fspath(value)
    elif kind == "list[float]" and isinstance(value, tuple):
        read = list(value)
    elif type(value) not in (int, float, bool) and isinstance(value, Real):  # numpy's
        read = int(value) if isinstance(value, Integral) else float(value)
    if not KINDS[kind].check(read):
        quoted = " (without quotes; YAML takes 1e-3 for text, and 1.0e-3 for a number)" if _is_written(value) else ""
        raise InputError(f"{declared.name} must be {KINDS[kind].words}, got {value!r}{quoted}")
    return read


def _read_size(declared: Setting, value: Any) -> list[int]:
    sides: list[Any]
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+)(?:[xX](\d+))?", value.strip())
        sides = [int(found[1]), int(found[2] or found[1])] if found else []
    else:
        sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(_is_whole(side) and side >= 1 for side in sides):
        raise InputError(
            f"{declared.name} must be a side in whole pixels, or height and width, such as 32, (24, 32) or 24x32, "
            f"got {value!r}"
        )
    return [int(side) for side in sides]


def _read_cache(declared: Setting, value: Any) -> int | str:
    if isinstance(value, bool):
        return AUTO if value else 0
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value):
        return int(value)
    return value if value == AUTO else _read(declared, value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_written(value: Any) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _parse_bool(text: str) -> bool:
    return ("false", "true").index(text.strip().lower()) == 1


def _parse_numbers(text: str) -> list[float]:
    return [float(part) for part in text.strip().removeprefix("[").removesuffix("]").split(",")]


KINDS = {
    "int": Kind("a whole number", _is_whole, int),
    "CacheSize": Kind("a whole number", _is_whole, int),
    "float": Kind("a number", _is_number, float),
    "bool": Kind("True or False", lambda value: isinstance(value, bool), _parse_bool),
    "str": Kind("text", lambda value: isinstance(value, str), str),
    "list[float]": Kind(
        "numbers", lambda value: isinstance(value, list) and all(map(_is_number, value)), _parse_numbers
    ),
    "dict[str, Any]": Kind("arguments by name", lambda value: isinstance(value, Mapping), yaml.safe_load),
}
READERS: dict[str, Callable[[Setting, Any], Any]] = {"Size": _read_size, "CacheSize": _read_cache}
