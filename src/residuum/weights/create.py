"""Create a model by name, with new weights or a file's weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import nn

from .. import models
from ..errors import InputError
from ..models.elsewhere import weights_of
from .loading import load
from .opening import OF_TORCHVISION, meant_weights


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    weights: str | os.PathLike[str] | None = None,
    **parts: Any,
) -> nn.Module:
    """Build the model of that name, in train mode.

    Args:
        name: a variant (``list_models()``) such as ``resnet50``, or a builder such as ``cifar_resnet``.
        num_classes: number of logits; by default the model's own, or with ``weights`` the file's.
        in_chans: channels of the images; by default the model's own, or with ``weights`` the file's.
        weights: a file or a published name to load (see ``load``); None for new weights.
        parts: the family's other arguments (``depth``, ``shortcut``, ...), ``features_only``, ``out_indices``;
            timm's ``drop_path_rate``, and its ``checkpoint_path``, which is ``weights``.

    Raises:
        InputError: an unknown name or argument, or weights that do not fit it, listed by name.

    >>> model = residuum.create_model("resnet18", num_classes=7, drop_path_rate=0.1)
    >>> model.num_classes, model.num_features
    (7, 512)
    >>> residuum.create_model("resnet-18")
    Traceback (most recent call last):
    residuum_runtime.errors.InputError: no model is named 'resnet-18'; it is resnet18 here
    """
    sizes = {"num_classes": num_classes, "in_chans": in_chans}
    arguments: dict[str, Any] = {key: value for key, value in sizes.items() if value is not None} | parts
    weights = _file(weights, arguments)
    known = name in models.VARIANTS or name in models.BUILDERS
    if weights is None or not known:  # the error about an unknown name comes before the file is read
        return models.build(name, **arguments)
    if arguments.pop("pretrained", None):
        raise InputError(f"pretrained=True and weights={weights!r} exclude each other; leave pretrained out")
    if (found := OF_TORCHVISION.fullmatch(weights)) and not Path(weights).exists():
        raise InputError(f"weights must say whose they are: {meant_weights(found[0], name)}, or {weights_of(name)}")
    overrides: dict[str, Any] = {"model": name, **arguments}
    return load(weights, **overrides).train()


def _file(weights: object, arguments: dict[str, Any]) -> str | None:
    """Return the weights to load (timm's ``checkpoint_path``); torchvision's enum values become text."""
    path = arguments.pop("checkpoint_path", None)
    if path and weights is not None:
        raise InputError(f"checkpoint_path is weights, as timm calls it; give one of {path!r} and {weights!r}")
    asked = path or weights
    return None if asked is None else str(asked)
