"""Fully connected networks of explicit skip matrices: plain, residual, learnt, dense and "cortical".

One fully connected layer brings the pixels to the width (layer 0 of the cell), depth - 2 layers follow, which the
wiring connects, and one linear layer ends in logits. The members differ in one word, the wiring; ``skip_mlp_bn``
adds batch norm to each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from typing import cast

import numpy as np
from torch import Tensor, nn

from ..errors import InputError
from ..nn import Network
from ..nn.flat import flat_head, flat_stem, normed_flat_head
from ..nn.image_norms import Norm, no_norm
from ..nn.skips import ACTIVATIONS, Skip, SkipCell, pick_activation, pick_wiring
from ..nn.skips_numpy import Array, Path, SkipNet
from .variant import variant


def skip_mlp(
    depth: int = 10,
    *,
    num_classes: int = 10,
    in_chans: int = 1,
    image_size: int = 28,
    width: int = 64,
    wiring: str | Sequence[tuple[int, int, str]] = "residual",
    skip_length: int = 2,
    activations: Sequence[str] = ("relu",),
) -> Network:
    """Build a_l = g(W[l-1,l] a_{l-1} + b_l + sum over the wiring's skips of W[k,l] a_k).

    Args:
        depth: fully connected layers, first and last included.
        num_classes: how many logits.
        in_chans: channels of the images.
        image_size: height and width of the images, pixels.
        width: units of a layer.
        wiring: "plain", "residual", "learnt", "dense", "cortical", or skips (source, target, "identity" or "learnt")
            among layers 0 ... depth - 2.
        skip_length: layers that a skip passes: exactly (residual, learnt), at most (dense), at least (cortical).
        activations: names given in turn to layers 1, 2, ...; ("linear", "relu") with a skip_length of 2 leaves what
            lies beside a skip linear.
    """
    stem = _stem(in_chans, image_size, width, activations)
    cell = _cell(depth, width, wiring, skip_length, activations, no_norm)
    return Network(stem=stem, stages=[cell], head=flat_head(width, num_classes), num_features=width)


def skip_mlp_bn(
    depth: int = 10,
    *,
    num_classes: int = 10,
    in_chans: int = 1,
    image_size: int = 28,
    width: int = 64,
    wiring: str | Sequence[tuple[int, int, str]] = "residual",
    skip_length: int = 2,
    activations: Sequence[str] = ("relu",),
) -> Network:
    """Build the network with batch norm behind each normal matrix and before the logits; arguments as in ``skip_mlp``.

    a_l = g(norm(W[l-1,l] a_{l-1} + b_l) + sum over skips of W[k,l] a_k): whatever the wiring, a branch adds a variance
    of one and the logits are computed of features of variance one, so that members differ in wiring and not in scale.
    """
    stem = _stem(in_chans, image_size, width, activations)
    cell = _cell(depth, width, wiring, skip_length, activations, nn.BatchNorm1d)
    return Network(stem=stem, stages=[cell], head=normed_flat_head(width, num_classes), num_features=width)


def _stem(in_chans: int, image_size: int, width: int, activations: Sequence[str]) -> nn.Module:
    if not activations:
        raise InputError("activations must name at least one activation, got none")
    return flat_stem(in_chans, image_size, width, pick_activation(activations[-1]))


def _cell(
    depth: int,
    width: int,
    wiring: str | Sequence[tuple[int, int, str]],
    skip_length: int,
    activations: Sequence[str],
    norm: Norm,
) -> SkipCell:
    if depth < 3:
        raise InputError(f"depth must be 3 or more layers, first and last included, got {depth}")
    layers = depth - 2
    skips = pick_wiring(wiring, layers, skip_length) if isinstance(wiring, str) else [Skip(*skip) for skip in wiring]
    return SkipCell([width] * (layers + 1), skips, list(islice(cycle(activations), layers)), norm=norm)


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


MNIST = (1, 28, 28)

BUILDERS = {"skip_mlp": skip_mlp, "skip_mlp_bn": skip_mlp_bn}

VARIANTS = {
    "skip_mlp_plain10": variant(
        skip_mlp, depth=10, wiring="plain", source="plain twin of the others", image_size=28, input_shape=MNIST
    ),
    "skip_mlp_residual10": variant(
        skip_mlp, depth=10, wiring="residual", source="He15 eq. 1, fully connected", image_size=28, input_shape=MNIST
    ),
    "skip_mlp_learnt10": variant(
        skip_mlp, depth=10, wiring="learnt", source="He15 eq. 2, fully connected", image_size=28, input_shape=MNIST
    ),
    "skip_mlp_dense10": variant(
        skip_mlp,
        depth=10,
        wiring="dense",
        skip_length=8,
        source="Hua16 eq. 2, summed",
        image_size=28,
        input_shape=MNIST,
    ),
    "skip_mlp_cortical10": variant(
        skip_mlp, depth=10, wiring="cortical", source="all skips from one layer", image_size=28, input_shape=MNIST
    ),
    "skip_mlp_residual10_bn": variant(
        skip_mlp_bn, depth=10, wiring="residual", source="He15 eq. 1 with norms", image_size=28, input_shape=MNIST
    ),
}
