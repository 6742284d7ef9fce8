"""What the declaration of a setting consists of: help, panel, bounds, and what may be done with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

Size = list[int]  # height, width, pixels
CacheSize = int  # pixels, or AUTO
Value = str | int | float | bool | None | list[int] | list[float] | dict[str, Any]  # of any setting

AUTO: Final = "auto"  # asked for, and left open

# Panels of the command line, and sections of config.yaml.
DATA, MODEL, OPTIMISATION, AUGMENTATION = "data", "model", "optimisation", "augmentation"
EVALUATION, MACHINE, RUN = "evaluation", "machine", "run"
PANELS = (DATA, MODEL, OPTIMISATION, AUGMENTATION, EVALUATION, MACHINE, RUN)


class Open(NamedTuple):
    """The default of a setting that recipe, data or machine decide."""

    by: str


class Rule(NamedTuple):
    """What a value must hold, in words and as a check."""

    must: str
    holds: Callable[[Any], bool]
    choices: tuple[str, ...] = ()


def at_least(least: int) -> Rule:
    """Return the rule of a lower bound."""
    return Rule(f"be at least {least}", lambda value: value >= least)


def one_of(*choices: str) -> Rule:
    """Return the rule of a value that is one of a few words."""
    if len(choices) > 4:
        return Rule(f"be one of {', '.join(choices)}", choices.__contains__, choices)
    words = list(choices)
    return Rule(f"be {', '.join(words[:-1])} or {words[-1]}", choices.__contains__, choices)


def _is_augmentation(name: str) -> bool:
    found = re.fullmatch(r"trivialaugment|randaugment(?:-(\d+))?", name)
    return found is not None and int(found[1] or 0) <= 30


def _rises(shares: Sequence[float]) -> bool:
    return list(shares) == sorted(shares) and all(0 < share < 1 for share in shares)


NOT_NEGATIVE = Rule("not be negative", lambda value: value >= 0)
AUTO_OR_NOT_NEGATIVE = Rule("be at least 0, or auto", lambda value: value == AUTO or value >= 0)
BELOW_ONE = Rule("be below 1 and not negative", lambda value: 0 <= value < 1)
PROBABILITY = Rule("be 0 to 1", lambda value: 0 <= value <= 1)
FRACTION = Rule("be above 0 and at most 1", lambda value: 0 < value <= 1)
RISING = Rule("rise between 0 and 1", _rises)
AUGMENTATIONS = Rule("be trivialaugment, randaugment or randaugment-N with N up to 30", _is_augmentation)


@dataclass(frozen=True)
class Setting:
    """A setting's declaration."""

    name: str
    kind: str  # its annotation, as it is written: int, float | None, Size, ...
    panel: str
    help: str
    default: Any = None  # of a new run; Open where recipe, data or machine decide
    before: Any = None  # of a run whose files are older than the setting; the default unless declared
    rule: Rule | None = None
    short: str = ""  # flags beside --name
    flag: str = ""  # the flag, where it has another name
    everyday: bool = False  # shown by --help, not only by --help-all
    free: bool = False  # may differ from a recipe without its being another one
    measured: bool = False  # found out on the machine, once for all runs that are compared
    moves: bool = False  # may change when a run is resumed

    @property
    def flags(self) -> list[str]:
        """The flags of the command line, the main one first."""
        main = self.flag or f"--{self.name.replace('_', '-')}"
        others = self.short.split()
        return [f"{main}/--no-{main[2:]}" if self.kind == "bool" else main, *others]

    @property
    def may_be_none(self) -> bool:
        """Whether None is one of its values."""
        return "None" in self.kind


def setting(panel: str, help: str, default: Any, **more: Any) -> Any:
    """Declare a setting as a field of ``Settings``; ``more`` as in ``Setting``."""
    before = more.get("before", default)
    told = {"panel": panel, "help": help, "default": default, **more, "before": before}
    if isinstance(before, Open):
        return field(metadata=told)
    if isinstance(before, list):
        return field(default_factory=lambda: list(before), metadata=told)
    return field(default=before, metadata=told)


def declared(settings: type) -> dict[str, Setting]:
    """Return the declarations of a class of settings by name."""
    return {entry.name: Setting(entry.name, str(entry.type), **entry.metadata) for entry in fields(settings)}
