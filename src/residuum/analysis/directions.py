"""Directions in the space of a network's weights, along which its loss is evaluated (Li18, arXiv:1712.09913)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..seeds import generator

Direction = dict[str, Tensor]  # a step for each parameter, by name


def random_direction(model: nn.Module, seed: int, number: int = 0) -> Direction:
    """Return a random direction, normalised filter by filter (Li18 section 4).

    Each filter of a Gaussian direction d is scaled to the norm of the filter it moves: d[i] <- d[i] / |d[i]| * |w[i]|.
    A filter is all weights of one output channel of a convolution or of one output of a linear layer. Biases and
    the parameters of norms do not move, as in Li18's own figures.

    Args:
        model: the network; its weights give the filters' norms.
        seed: of the stream ``bearing``.
        number: index of the direction for that seed.
    """
    draw = generator(seed, "bearing", number)
    return {name: _filterwise(weights, draw) for name, weights in model.named_parameters()}


def _filterwise(weights: Tensor, draw: torch.Generator) -> Tensor:
    if weights.ndim < 2:
        return torch.zeros_like(weights, requires_grad=False)
    step = torch.randn(weights.shape, generator=draw).to(weights).flatten(1)
    norms = weights.detach().flatten(1).norm(dim=1, keepdim=True)
    lengths = step.norm(dim=1, keepdim=True).clamp_min(torch.finfo(step.dtype).tiny)
    return (step / lengths * norms).view_as(weights)


class Trajectory(NamedTuple):
    """The path of training, in the plane that contains most of it (Li18 section 7)."""

    directions: tuple[Direction, Direction]  # unit length, at right angles
    places: Tensor  # float64 [epochs, 2]: coordinates about the last weights
    explained: tuple[float, float]  # share of the path's variance along each direction


def trajectory(weights: Sequence[Mapping[str, Tensor]]) -> Trajectory:
    """Return the plane of the two principal components of w[i] - w[n], and the path in it.

    Args:
        weights: parameters by name after each epoch, the last ones at the end; no statistics of batch norm.

    Raises:
        InputError: fewer than three sets of weights.
    """
    if len(weights) < 3:
        raise InputError(f"a plane needs the weights of three epochs or more, got {len(weights)}; keep more of them")
    names = list(weights[-1])
    rows = torch.stack([torch.cat([step[name].double().flatten() for name in names]) for step in weights])
    way = rows - rows[-1]
    _, lengths, axes = torch.linalg.svd(way[:-1], full_matrices=False)
    shares = (lengths.square() / lengths.square().sum()).tolist()
    places = way @ axes[:2].T
    return Trajectory(
        (_unflattened(axes[0], weights[-1]), _unflattened(axes[1], weights[-1])), places, (shares[0], shares[1])
    )


def _unflattened(row: Tensor, like: Mapping[str, Tensor]) -> Direction:
    parts = row.split([values.numel() for values in like.values()])
    return {name: part.view_as(like[name]).to(like[name]) for name, part in zip(like, parts, strict=True)}
