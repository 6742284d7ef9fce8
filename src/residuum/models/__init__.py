"""The families. A new one is a new file here and a line in FAMILIES."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any
from warnings import warn

from torch import nn

from ..errors import InputError
from ..nn import FeatureMaps, Network, stochastic_depth
from . import (
    alexnet,
    bert,
    bit_resnet,
    cifar_highway,
    cifar_resnet,
    convnext,
    densenet,
    ecaresnet,
    efficientnet,
    fast_resnet,
    gpt,
    highway_mlp,
    lstm_classifier,
    mobilenet_v2,
    mobilenet_v3,
    preact_resnet,
    preact_resnet_cifar,
    regnet,
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
from .elsewhere import only_names, refuse_name, settle_arguments
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
    regnet,
    mobilenet_v2,
    mobilenet_v3,
    efficientnet,
    convnext,
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


def build(
    name: str,
    *,
    features_only: bool = False,
    out_indices: Sequence[int] | None = None,
    drop_path_rate: float = 0.0,
    **arguments: Any,
) -> nn.Module:
    """Build the model of that name, with new weights; ``residuum.create_model`` loads weights too.

    Args:
        name: a variant (``list_models()``) such as ``cifar_resnet20``, or a builder such as ``cifar_resnet``.
        features_only: build an image model without its head, which returns the list of its feature maps and says in
            ``feature_info`` what they are.
        out_indices: which of the maps, in order of depth; all by default.
        drop_path_rate: stochastic depth as timm has it: how often the last block's branch is dropped, image by image,
            in training, and others linearly less (``stochastic_depth``, a builder's, is the paper's, batch by batch).
        arguments: what the family's builder takes (``depth``, ``num_classes``, ``in_chans``, ``shortcut``, ...).

    Raises:
        InputError: an unknown name, or an argument that the family does not take or allow.

    >>> residuum.models.build("cifar_resnet", depth=8, num_classes=5)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 5])
    """
    if name in VARIANTS:
        builder, fixed = VARIANTS[name].builder, VARIANTS[name].arguments
    elif name in BUILDERS:
        builder, fixed = BUILDERS[name], {}
    else:
        raise refuse_name(name, [*VARIANTS, *BUILDERS])
    arguments = settle_arguments(name, list(builder.__annotations__)[:-1], arguments)
    pool = arguments.pop("global_pool", None)
    if clash := sorted(key for key in fixed if key in arguments and arguments[key] != fixed[key]):
        raise InputError(f"{name} fixes {', '.join(clash)}; build another with create_model({builder.__name__!r}, ...)")
    if arguments.get("num_classes", 0) < 0 or arguments.get("in_chans", 1) < 1:
        raise InputError("num_classes must be 0 (features) or more and in_chans 1 or more, "
                         f"got {arguments.get('num_classes')} and {arguments.get('in_chans')}")  # fmt: skip
    if drop_path_rate and {**fixed, **arguments}.get("stochastic_depth"):
        raise InputError("drop_path_rate and stochastic_depth are one method in two conventions; give one of them")
    model = builder(**{**fixed, **arguments})
    if pool is not None and getattr(getattr(model.head, "pool", None), "output_size", None) != 1:
        raise InputError(f"{name} has no mean over positions before its classifier, got global_pool={pool!r}")
    if drop_path_rate:
        stochastic_depth(model, drop_path_rate, "timm")
        arguments["drop_path_rate"] = drop_path_rate
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


def list_models(
    pattern: str | Sequence[str] = "*", *, filter: str | Sequence[str] | None = None, **others: Any
) -> list[str]:
    """Return the variants' names that match a shell pattern; a bare word matches anywhere in the name.

    Args:
        pattern: one, or several of which a name matches one.
        filter: the same, as timm calls it.
        others: of timm's and torchvision's own; what cannot be asked for here is refused with what to type.

    Raises:
        InputError: both a pattern and a filter, or an argument that this list does not have.

    >>> residuum.list_models("cifar_resnet1*")
    ['cifar_resnet110', 'cifar_resnet1202', 'cifar_resnet110_stochastic']
    """
    only_names(others)
    if filter and pattern != "*":
        raise InputError(f"filter is the pattern, as timm calls it; give one of {pattern!r} and {filter!r}")
    asked = filter or pattern
    patterns = [_anywhere(one) for one in ([asked] if isinstance(asked, str) else asked)]
    return [name for name in VARIANTS if any(fnmatchcase(name, one) for one in patterns)]


def _anywhere(pattern: str) -> str:
    return pattern if any(sign in pattern for sign in "*?[") else f"*{pattern}*"


def __getattr__(name: str) -> Any:
    """Answer the name that ``build`` had."""
    if name != "create_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn("residuum.models.create_model is residuum.models.build; residuum.create_model also loads weights",
         DeprecationWarning, stacklevel=2)  # fmt: skip
    return build


__all__ = [
    "BUILDERS",
    "FAMILIES",
    "VARIANTS",
    "Description",
    "Preprocessing",
    "Variant",
    "attach",
    "build",
    "describe",
    "list_models",
]
