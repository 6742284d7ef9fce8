"""Fully connected networks of explicit skip matrices: plain, residual, learnt, dense and "cortical".

One fully connected layer brings the pixels to the width (layer 0 of the cell), depth - 2 layers follow, which the
wiring connects, and one linear layer ends in logits. The members differ in one word, the wiring; ``skip_mlp_bn``
adds batch norm to each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

from torch import nn

from ..errors import InputError
from ..nn import Network
from ..nn.flat import flat_head, flat_stem, normed_flat_head
from ..nn.image_norms import Norm, no_norm
from ..nn.skips import Skip, SkipCell, pick_activation, pick_wiring
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
