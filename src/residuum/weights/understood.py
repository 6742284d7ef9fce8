"""The model that a file holds according to its names and shapes, and building it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .. import models
from ..errors import InputError
from ..models import Description
from .dialects import spell
from .fit import Differences, compare, shapes_of

LEAVES = (".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked")


@dataclass
class Understood:
    """A file's model: how to build it, the tensors by the grammar's names, and what was assumed."""

    description: Description
    tensors: dict[str, Tensor]
    dialect: str
    wrapper: str = ""  # the prefix that stood before every name
    left: dict[str, Tensor] = field(default_factory=dict)  # tensors whose names the dialect lacks
    outside: list[str] = field(default_factory=list)  # tensors of the file's other networks and heads, skipped
    spelled: dict[str, str] = field(default_factory=dict)  # how the file writes the grammar's names
    bookkeeping: list[str] = field(default_factory=list)  # counters of the training run
    assumed: list[str] = field(default_factory=list)

    def differences(self, arguments: Mapping[str, Any], model: str = "") -> Differences:
        """Compare the file with the model that the description builds, by the file's own names."""
        built = compare(shapes_of(build_meta(model or self.description.model, arguments)), shapes_of(self.tensors))
        said = {name: self.spell(name) for name in (*built.missing, *built.unexpected, *built.shapes)}
        return Differences(
            [said[name] for name in built.missing],
            [said[name] for name in built.unexpected] + sorted(self.left),
            {said[name]: sizes for name, sizes in built.shapes.items()},
        )

    def beside(self) -> dict[str, int]:
        """Return the number of skipped tensors, by the part of the file that holds them."""
        bare = (name.removeprefix(self.wrapper) for name in self.outside)
        modules = (name.rpartition(".")[0] if name.endswith(LEAVES) else name for name in bare)
        return dict(Counter(".".join(module.split(".")[:2]) for module in modules))

    def describe_beside(self) -> str:
        """Return the skipped parts by name and count, as text."""
        return ", ".join(f"{count} tensor{'s' * (count > 1)} of {part}" for part, count in self.beside().items())

    def spell(self, name: str) -> str:
        """Return a grammar's name as the file writes it."""
        return self.spelled.get(name) or self.wrapper + (spell(self.dialect, name) or name)


def build_meta(model: str, arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the names and shapes of a model's state without its numbers."""
    with torch.device("meta"):
        return build(model, arguments).state_dict()


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build by name; an argument None means the model's own.

    Raises:
        InputError: an unknown name, or arguments that do not fit it, as in a damaged description.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    try:
        return models.build(model, **given)
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{model} must be given arguments that it can be built with, got {given}: {error}") from error
