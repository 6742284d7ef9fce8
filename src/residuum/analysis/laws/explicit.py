"""The matrices of a ``skip_mlp`` written out, stem and head included."""

from __future__ import annotations

from typing import cast

import numpy as np
from torch import Tensor, nn

from ...errors import InputError
from ...nn import Network
from ...nn.skips import ACTIVATIONS, SkipCell
from .skips_numpy import Array, Path, SkipNet


def explicit(model: Network) -> SkipNet:
    """Return the whole of a ``skip_mlp`` as explicit NumPy matrices, stem and head included.

    Layer 0 is the pixels, layer 1 the stem, layer l + 1 the cell's layer l, the last the logits; float64 copies.

    Raises:
        InputError: a model that is no ``skip_mlp``, one with norms, or one without classes.
    """
    cell = next(iter(model.stages))
    if not isinstance(cell, SkipCell) or cell.is_normed or not model.num_classes:
        raise InputError("explicit matrices need a model built by skip_mlp, no norms, with num_classes of 1 or more")
    stem, head = cast(nn.Linear, model.stem.get_submodule("fc")), cast(nn.Linear, model.head.get_submodule("fc"))
    normal = [stem, *(cast(nn.Linear, layer) for layer in cell.normal), head]
    weights = {Path(layer - 1, layer): _array(linear.weight) for layer, linear in enumerate(normal, start=1)}
    fixed = set()
    for name, skip in cell.skips.items():
        source, target = (int(layer) + 1 for layer in name.split("_"))
        path = Path(source, target, "skip")
        if isinstance(skip, nn.Linear):
            weights[path] = _array(skip.weight)
        else:
            weights[path] = np.eye(model.num_features)
            fixed.add(path)
    biases = {layer: _array(linear.bias) for layer, linear in enumerate(normal, start=1)}
    names = [_name(model.stem.get_submodule("act")), *map(_name, cell.act), "linear"]
    return SkipNet(weights, biases, names, fixed)


def _array(parameter: Tensor) -> Array:
    return parameter.detach().double().cpu().numpy().copy()


def _name(activation: nn.Module) -> str:
    return next(name for name, make in ACTIVATIONS.items() if type(activation) is make)
