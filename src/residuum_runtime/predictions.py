"""What a model says of one picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one picture, likeliest first."""

    name: str
    classes: list[str]
    probabilities: list[float]

    @property
    def top(self) -> str:
        """The likeliest class."""
        return self.classes[0]
