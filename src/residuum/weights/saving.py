"""Save a model as one self-describing file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from .. import __version__
from ..errors import InputError
from ..models import Description, Preprocessing, describe
from .fit import compare, shapes_of
from .metadata import to_metadata
from .safetensors_file import write_safetensors
from .understood import build_meta


def save(
    model: nn.Module,
    path: str | os.PathLike[str],
    *,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    metrics: Mapping[str, float] | None = None,
    licence: str | None = None,
    provenance: str | None = None,
) -> None:
    """Write a model's weights and description to one safetensors file, whole or not at all.

    The same content gives the same bytes: the file holds no clock time, path or host. Arguments that are not given come
    from ``model.description``.

    Args:
        model: made by ``create_model`` or ``load``.
        path: the file; its folder is created.
        classes: one name for each logit.
        preprocessing: from an image to the network's input.
        metrics: measured values, such as ``{"top1": 93.1}``.
        licence: the weights' licence.
        provenance: the weights' origin.

    Raises:
        InputError: a bare module, a model that its description does not build, or class names that do not match.
        DiskError: the file system refuses.

    >>> model = residuum.create_model("cifar_resnet", depth=8, num_classes=2)
    >>> residuum.save(model, "two.safetensors", classes=["ant", "bee"])
    >>> residuum.load("two.safetensors").description.classes
    ['ant', 'bee']
    """
    given = {
        "classes": None if classes is None else [str(name) for name in classes],
        "preprocessing": preprocessing,
        "metrics": None if metrics is None else {str(key): float(value) for key, value in metrics.items()},
        "licence": licence,
        "provenance": provenance,
    }
    described = _current(describe(model), model)
    described = dataclasses.replace(described, **{key: value for key, value in given.items() if value is not None})
    logits = getattr(model, "num_classes", None)
    if described.classes and logits is not None and len(described.classes) != logits:
        raise InputError(f"classes must name each of the {logits} logits, got {len(described.classes)} names")
    state = model.state_dict()
    differences = compare(shapes_of(build_meta(described.model, described.arguments)), shapes_of(state))
    if differences:
        raise InputError(
            f"model must be what its description builds ({described.model}), so that the file can be loaded:\n"
            f"{differences}\nCorrect model.description"
        )
    write_safetensors(state, path, to_metadata(described, __version__))


def _current(description: Description, model: nn.Module) -> Description:
    """Return the description with the number of classes that the model has now (``reset_classifier`` can change it)."""
    logits: Any = getattr(model, "num_classes", None)
    if not isinstance(logits, int):
        return description
    stale = bool(description.classes) and len(description.classes) != logits
    arguments = {**description.arguments, "num_classes": logits}
    return dataclasses.replace(description, arguments=arguments, classes=[] if stale else description.classes)
