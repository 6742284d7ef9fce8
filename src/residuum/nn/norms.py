"""Norms for sequences and vectors: features stand last, [..., features]."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ..errors import pick

MakeNorm = Callable[[int], nn.Module]


class TokenBatchNorm(nn.Module):
    """Batch norm of each feature over all examples and positions: [..., features] -> the same shape.

    Padded positions are counted as well. Source: Ioffe and Szegedy 2015, arXiv:1502.03167; used in transformers by
    Shen et al. 2020, arXiv:2003.07845.
    """

    def __init__(self, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Return x with each feature at mean 0 and variance 1, scaled and shifted."""
        return self.norm(x.flatten(0, -2)).view_as(x)


def layer_norm(features: int, eps: float = 1e-5) -> nn.Module:
    """Build a norm of each position over its features (Ba et al. 2016, arXiv:1607.06450)."""
    return nn.LayerNorm(features, eps=eps)


def fine_layer_norm(features: int, eps: float = 1e-12) -> nn.Module:
    """Build the layer norm whose smallest variance is 1e-12, whatever eps is, as transformers' ViT has it."""
    return nn.LayerNorm(features, eps=1e-12)


NORMS: dict[str, Callable[[int, float], nn.Module]] = {
    "layer": layer_norm,
    "layer_1e-12": fine_layer_norm,
    "batch": TokenBatchNorm,
}


def pick_norm(name: str, eps: float = 1e-5) -> MakeNorm:
    """Return the maker of that norm, or say which there are; eps is added to the variance."""
    norm = pick(NORMS, name, "norm")
    return lambda features: norm(features, eps)
