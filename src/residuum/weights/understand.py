"""From what a file holds to a description of its model and tensors under the grammar's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from .. import models
from ..errors import InputError
from ..models import Description
from .dialects import BOOKKEEPING, DIALECTS, recognise_dialect, spell, to_grammar_names, unwrap
from .fit import Differences, compare, shapes_of
from .metadata import from_metadata
from .reading import Contents
from .recognise import Candidate, candidates
from .sources import USUAL, usual_classes, usual_preprocessing


@dataclass
class Understood:
    """A file's model: how to build it, the tensors by the grammar's names, and what was assumed."""

    description: Description
    tensors: dict[str, Tensor]
    dialect: str
    wrapper: str = ""  # the prefix that stood before every name
    left: dict[str, Tensor] = field(default_factory=dict)  # names that the dialect does not know
    bookkeeping: list[str] = field(default_factory=list)  # counters of the training run
    assumed: list[str] = field(default_factory=list)

    def differences(self, arguments: Mapping[str, Any], model: str = "") -> Differences:
        """Compare the file with the model that the description builds, by the file's own names."""
        built = compare(shapes_of(build_meta(model or self.description.model, arguments)), shapes_of(self.tensors))
        said = {name: self.said(name) for name in (*built.missing, *built.unexpected, *built.shapes)}
        return Differences(
            [said[name] for name in built.missing],
            [said[name] for name in built.unexpected] + sorted(self.left),
            {said[name]: sizes for name, sizes in built.shapes.items()},
        )

    def said(self, name: str) -> str:
        """Return a grammar's name as the file writes it."""
        return self.wrapper + (spell(self.dialect, name) or name)


def build_meta(model: str, arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the names and shapes of a model's state without its numbers."""
    with torch.device("meta"):
        return build(model, arguments).state_dict()


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build by name; an argument None means the model's own."""
    return models.create_model(model, **{key: value for key, value in arguments.items() if value is not None})


def understand(contents: Contents) -> Understood:
    """Return the model that the file holds.

    Raises:
        InputError: names and shapes that no model here has.
    """
    wrapper, names = unwrap([name for name in contents.tensors if name not in BOOKKEEPING])
    kept = {name.removeprefix(wrapper): value for name, value in contents.tensors.items() if name not in BOOKKEEPING}
    counters = [name for name in contents.tensors if name in BOOKKEEPING]
    own = from_metadata(contents.path, contents.metadata)
    if own is not None:
        return Understood(own, kept, "residuum", wrapper)
    dialect = recognise_dialect(names)
    tensors, left = to_grammar_names(dialect, kept)
    description = _recognise(contents, tensors)
    understood = Understood(description, tensors, dialect, wrapper, left, counters)
    return _assume(understood)


def _recognise(contents: Contents, tensors: dict[str, Tensor]) -> Description:
    """Return the candidate that fits, else the one with the fewest differences."""
    best: tuple[int, Candidate] | None = None
    for candidate in candidates(shapes_of(tensors)):
        differences = len(compare(shapes_of(build_meta(candidate.builder, candidate.arguments)), shapes_of(tensors)))
        if best is None or differences < best[0]:
            best = differences, candidate
        if not differences:
            break
    if best is None:
        known = ", ".join(sorted(dialect.title for dialect in DIALECTS.values()))
        some = ", ".join(list(contents.tensors)[:3])
        raise InputError(
            f"{contents.path} must hold a model of this library by names of {known}; got {len(contents.tensors)} "
            f"tensors such as {some}. See `residuum inspect {contents.path.name}`"
        )
    name, arguments = best[1].named()
    return Description(name, arguments)


def _assume(understood: Understood) -> Understood:
    """Add what the source leaves unsaid, and say so."""
    dialect, tensors, description = understood.dialect, understood.tensors, understood.description
    stem, fc = tensors.get("stem.conv.weight"), tensors.get("head.fc.weight")
    preprocessing = usual_preprocessing(dialect, stem.shape[1] if stem is not None else 0)
    classes = usual_classes(dialect, len(fc) if fc is not None else 0)
    assumed = [f"preprocessing as {USUAL[dialect].why}"] if preprocessing else []
    assumed += ["class names of CIFAR-10" if dialect == "cifar" else "class names of ImageNet"] if classes else []
    if any(name.endswith("branch.conv3.weight") for name in tensors):
        assumed.append("stride on the 3x3 convolutions (v1.5)")
    if description.arguments.get("shortcut") == "A" or dialect == "cifar":
        assumed.append("shortcuts that pad with zeros (a plain net has the same tensors)")
    provenance = f"a state dict with names of {DIALECTS[dialect].title}"
    if assumed:
        provenance += f"; assumed: {', '.join(assumed)}"
    described = replace(description, preprocessing=preprocessing, classes=classes, provenance=provenance)
    return replace(understood, description=described, assumed=assumed)
