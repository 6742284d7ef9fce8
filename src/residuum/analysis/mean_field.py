"""Predicted gradients of new networks over depth: recursions for wide fully connected stacks and large batches.

Two inputs with cosine rho after the first layers keep, behind a ReLU of their pre-activations,

    kappa1(rho) = (sqrt(1 - rho^2) + rho (pi - arccos rho)) / pi    of the product of activations,
    kappa0(rho) = 1 - arccos(rho) / pi                              of the product of slopes (both units open),

relative to two equal inputs (Cho and Saul 2009, arc-cosine kernels of order 1 and 0). Everything below follows from
these two and the stack's definition; nothing is fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

CENTRED = (math.pi - 1) / math.pi  # variance over a batch of W relu(z) for z of variance 1 and W from N(0, 2 / n)


class Layer(NamedTuple):
    """The effect of one block."""

    gradient: float  # factor of the gradient's mean square
    correlation: float  # factor of the correlation of gradients at two inputs
    rho: float  # cosine of the two inputs at the block's entrance (about the batch's mean, where there is a norm)
    variance: float  # of the stream at the entrance, over the batch


Step = Callable[[float, float], tuple[float, float, float, float]]  # rho, variance -> factors, rho', variance'


def kappa0(rho: float) -> float:
    """Return the frequency at which both units are open, relative to that of one: 1 - angle / pi."""
    return 1 - math.acos(_cosine(rho)) / math.pi


def kappa1(rho: float) -> float:
    """Return the cosine of two activations relu(z) for pre-activations of cosine rho."""
    rho = _cosine(rho)
    return (math.sqrt(1 - rho**2) + rho * (math.pi - math.acos(rho))) / math.pi


def centred(rho: float) -> float:
    """Return the correlation of two activations about their mean: (pi kappa1 - 1) / (pi - 1)."""
    return (math.pi * kappa1(rho) - 1) / (math.pi - 1)


def plain(rho: float, variance: float) -> tuple[float, float, float, float]:
    """x' = W relu(x): variance and gradient are kept (He et al. 2015, arXiv:1502.01852); angles close."""
    return 1.0, kappa0(rho), kappa1(rho), variance


def plain_normed(rho: float, variance: float) -> tuple[float, float, float, float]:
    """x' = W relu(norm(x)): the norm divides by a deviation below 1, so the gradient grows.

    Its norm grows by sqrt(pi / (pi - 1)) = 1.21 a layer (Yang et al. 2019, arXiv:1902.08129). Centring drives any two
    inputs apart, to cosine 0, where half of the correlation is lost at every layer.
    """
    return 1 / variance, kappa0(rho), centred(rho), CENTRED


def residual(rho: float, variance: float) -> tuple[float, float, float, float]:
    """x' = x + W relu(x): variance and mean square of the gradient double at every block (Bal17 theorem 2)."""
    return 2.0, (1 + kappa0(rho)) / 2, (rho + kappa1(rho)) / 2, 2 * variance


def residual_normed(rho: float, variance: float) -> tuple[float, float, float, float]:
    """x' = x + W relu(norm(x)): the variance grows by the same at every block, so the gradient's factor tends to 1."""
    grown = variance + CENTRED
    apart = (variance * rho + CENTRED * centred(rho)) / grown
    return 1 + 1 / variance, (variance + kappa0(rho)) / (variance + 1), apart, grown


STEPS: dict[tuple[str, str], Step] = {
    ("plain", "none"): plain,
    ("plain", "batch"): plain_normed,
    ("residual", "none"): residual,
    ("residual", "batch"): residual_normed,
}


def predict(kind: str, norm: str, blocks: int, rho: float) -> list[Layer]:
    """Return the effect of each block of a new stack on the gradient, first block first.

    Args:
        kind: "plain" or "residual".
        norm: "none" or "batch".
        blocks: the number of blocks.
        rho: cosine of the two inputs; inputs have variance 1.
    """
    step, variance, layers = STEPS[kind, norm], 1.0, []
    for _ in range(blocks):
        gradient, correlation, after, grown = step(rho, variance)
        layers.append(Layer(gradient, correlation, rho, variance))
        rho, variance = after, grown
    return layers


def _cosine(rho: float) -> float:
    return max(-1.0, min(1.0, rho))
