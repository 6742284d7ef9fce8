"""Find the classifier beside a network under its own name; structure separates it from projection heads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .layout import read_layout

FC = "head.fc"
# Linear layers of the right width that are not classifiers.
NO_CLASSIFIER = re.compile(r"proj|predict|queue|prototype|embed|criterion|loss|center", re.IGNORECASE)


def features_of(tensors: Mapping[str, Tensor]) -> int:
    """Return the classifier's input width, or 0 where the names (ours) do not show it."""
    if (norm := tensors.get("head.norm.weight")) is not None and norm.ndim == 1:
        return len(norm)
    layout = read_layout({name: tuple(value.shape) for name, value in tensors.items()})
    if layout is None:
        return 0
    last = re.compile(rf"stages\.{len(layout.blocks) - 1}\.0\.branch\.conv\d\.weight")
    return max((len(tensors[name]) for name in tensors if last.fullmatch(name)), default=0)


def beside(tensors: Mapping[str, Tensor], width: int) -> str:
    """Return the path of the one linear layer that takes ``width`` features and stands alone, or an empty string.

    ``fc.1`` behind a dropout is one. ``fc.0`` and ``fc.2`` are a head of two layers, whose last is no layer of the
    network's features; so are heads with norms (SimCLR, MoCo v2, BYOL, SwAV).
    """
    paths = {name.removesuffix(".weight") for name, value in tensors.items()
             if name.endswith(".weight") and value.ndim == 2 and value.shape[1] == width}  # fmt: skip
    alone = [path for path in sorted(paths) if not NO_CLASSIFIER.search(path) and _alone(path, tensors)]
    return alone[0] if width and len(alone) == 1 else ""


def _alone(path: str, tensors: Mapping[str, Tensor]) -> bool:
    """Return whether no other layer is in the same sequence or head, or takes this layer's output."""
    parent, _, last = path.rpartition(".")
    family = f"{parent}." if parent and (last.isdigit() or _is_head(parent)) else f"{path}."
    logits = len(tensors[f"{path}.weight"])
    others = (value for name, value in tensors.items() if name != f"{path}.weight" and value.ndim == 2)
    followed = any(value.shape[1] == logits for value in others)
    return not followed and all(name.startswith(f"{path}.") for name in tensors if name.startswith(family))


def _is_head(parent: str) -> bool:
    return re.search(r"(^|\.)(head|cls_head|classifier|heads)$", parent) is not None
