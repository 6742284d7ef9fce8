"""A run's settings while they are settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .declaring import Open, Value
from .reading import Asked
from .table import SETTINGS, Settings


def defaults() -> dict[str, Value]:
    """Return the defaults of a new run; those that recipe, data or machine decide are left out."""
    return {name: declared.default for name, declared in SETTINGS.items() if not isinstance(declared.default, Open)}


@dataclass(frozen=True)
class Draft:
    """Settings of which some are still open, and the reasons of those that were chosen."""

    said: Asked  # by the user or the recipe
    chosen: Mapping[str, Value] = field(default_factory=defaults)  # where nothing was said
    resolved: Mapping[str, Value] = field(default_factory=dict)  # what the said comes to: auto is bf16
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def now(self) -> Settings:
        """The settings as they stand; one that is open is not there."""
        settings = object.__new__(Settings)
        vars(settings).update({**self.chosen, **self.said, **self.resolved})
        return settings

    def fill(self, **values: Value) -> Draft:
        """Return the draft with these values where a setting is still open."""
        return replace(self, chosen={**values, **self.chosen})

    def choose(self, **values: Value) -> Draft:
        """Return the draft with these values where nothing was said."""
        return replace(self, chosen={**self.chosen, **values})

    def resolve(self, **values: Value) -> Draft:
        """Return the draft with these values, whatever was said."""
        return replace(self, resolved={**self.resolved, **values})

    def explain(self, **reasons: str) -> Draft:
        """Return the draft with these reasons."""
        return replace(self, reasons={**self.reasons, **reasons})

    def whole(self) -> Settings:
        """Return the settings, none of which may be open any more."""
        return Settings(**vars(self.now))
