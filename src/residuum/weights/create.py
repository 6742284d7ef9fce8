"""Create a model by name, with new weights or with those of a file."""

from __future__ import annotations

from typing import Any

from torch import nn

from .. import models
from .loading import load


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    weights: str | None = None,
    **parts: Any,
) -> nn.Module:
    """Build the model of that name, in training mode.

    Args:
        name: a variant (``list_models()``) such as ``resnet50``, or a builder such as ``cifar_resnet``.
        num_classes: how many logits; by default the model's own, or with ``weights`` the file's.
        in_chans: channels of the images; by default the model's own, or with ``weights`` the file's.
        weights: a file or a published name to load (see ``load``); None for new weights.
        parts: the family's other arguments (``depth``, ``shortcut``, ...), ``features_only``, ``out_indices``.

    Raises:
        InputError: an unknown name or argument, or weights that do not fit it, listed by name.
    """
    sizes = {"num_classes": num_classes, "in_chans": in_chans}
    arguments: dict[str, Any] = {key: value for key, value in sizes.items() if value is not None} | parts
    known = name in models.VARIANTS or name in models.BUILDERS
    if weights is None or not known:  # an unknown name is told before the file is read
        return models.create_model(name, **arguments)
    overrides: dict[str, Any] = {"model": name, **arguments}
    return load(weights, **overrides).train()
