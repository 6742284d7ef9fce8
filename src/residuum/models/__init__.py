"""The families. A new one is a new file here and a line in FAMILIES."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ..errors import InputError, nearest
from ..nn import FeatureMaps, Network
from . import (
    alexnet,
    bert,
    bit_resnet,
    cifar_highway,
    cifar_resnet,
    densenet,
    ecaresnet,
    fast_resnet,
    gpt,
    highway_mlp,
    lstm_classifier,
    preact_resnet,
    preact_resnet_cifar,
    resnet,
    resnet_cifar,
    resnet_d,
    resnet_gn,
    resnext,
    seresnet,
    skip_mlp,
    vgg,
    vit,
    wide_resnet,
)
from .description import Description, Preprocessing, attach, describe
from .variant import Variant

FAMILIES = (
    cifar_resnet,
    resnet,
    resnet_cifar,
    preact_resnet,
    preact_resnet_cifar,
    resnext,
    wide_resnet,
    fast_resnet,
    seresnet,
    resnet_d,
    ecaresnet,
    resnet_gn,
    bit_resnet,
    cifar_highway,
    densenet,
    vgg,
    alexnet,
    highway_mlp,
    skip_mlp,
    lstm_classifier,
    bert,
    gpt,
    vit,
)

VARIANTS: dict[str, Variant] = {name: row for family in FAMILIES for name, row in family.VARIANTS.items()}
BUILDERS = {name: builder for family in FAMILIES for name, builder in family.BUILDERS.items()}


def create_model(
    name: str, *, features_only: bool = False, out_indices: Sequence[int] | None = None, **arguments: Any
) -> nn.Module:
    """Build the model of that name, with new weights.

    Args:
        name: a variant (``list_models()``) such as ``cifar_resnet20``, or a builder such as ``cifar_resnet``.
        features_only: build an image model without its head, which returns the list of its feature maps and says in
            ``feature_info`` what they are.
        out_indices: which of the maps, in order of depth; all by default.
        arguments: what the family's builder takes (``depth``, ``num_classes``, ``in_chans``, ``shortcut``, ...).

    Raises:
        InputError: an unknown name, or an argument that the family does not take or allow.
    """
    if name in VARIANTS:
        builder, fixed = VARIANTS[name].builder, VARIANTS[name].arguments
    elif name in BUILDERS:
        builder, fixed = BUILDERS[name], {}
    else:
        raise InputError(
            f"no model is named {name!r}; {nearest(name, [*VARIANTS, *BUILDERS])} `residuum models` lists all"
        )
    if clash := sorted(key for key in fixed if key in arguments and arguments[key] != fixed[key]):
        raise InputError(f"{name} fixes {', '.join(clash)}; build another with create_model({builder.__name__!r}, ...)")
    known = list(builder.__annotations__)[:-1]
    if unknown := sorted(set(arguments) - set(known)):
        raise InputError(f"{name} takes {', '.join(known)}; got {', '.join(unknown)}")
    if arguments.get("num_classes", 0) < 0 or arguments.get("in_chans", 1) < 1:
        raise InputError("num_classes must be 0 (features) or more and in_chans 1 or more, "
                         f"got {arguments.get('num_classes')} and {arguments.get('in_chans')}")  # fmt: skip
    model = builder(**{**fixed, **arguments})
    if features_only:
        return _feature_maps(name, model, out_indices, arguments)
    if out_indices is not None:
        raise InputError(f"out_indices needs features_only=True, got out_indices={list(out_indices)} without")
    return attach(model, Description(model=name, arguments=dict(arguments)))


def _feature_maps(
    name: str, model: nn.Module, out_indices: Sequence[int] | None, arguments: dict[str, Any]
) -> nn.Module:
    if not isinstance(model, Network) or model.in_chans is None or hasattr(model.stem, "image_size"):
        raise InputError(f"features_only needs a convolutional model, which takes images of any size, got {name}")
    options: dict[str, Any] = {"features_only": True}
    if out_indices is not None:
        options["out_indices"] = list(out_indices)
    return attach(FeatureMaps(model, out_indices), Description(model=name, arguments={**options, **arguments}))


def list_models(pattern: str = "*") -> list[str]:
    """Return the variants' names that match a shell pattern; a bare word matches anywhere in the name."""
    if not any(sign in pattern for sign in "*?["):
        pattern = f"*{pattern}*"
    return [name for name in VARIANTS if fnmatchcase(name, pattern)]


__all__ = [
    "BUILDERS",
    "FAMILIES",
    "VARIANTS",
    "Description",
    "Preprocessing",
    "Variant",
    "attach",
    "create_model",
    "describe",
    "list_models",
]
