"""Similarity of two representations of the same images: linear CKA (Kornblith 2019, arXiv:1905.00414)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import InputError


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Return |Y'X|^2 / (|X'X| |Y'Y|) of features centred over images, Frobenius norms (section 3, linear kernel).

    1 where one is the other rotated and scaled; orthogonal maps and isotropic scaling of either side leave it
    unchanged, other invertible maps do not.

    Args:
        x: [N, p], features of N images.
        y: [N, q], of the same images in the same order.

    Raises:
        InputError: different numbers of images, fewer than two, or features that are the same for all images.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        raise InputError(
            f"CKA needs features [N, p] and [N, q] of the same N >= 2 images, got {list(x.shape)} and {list(y.shape)}"
        )
    return _compute_cka(gram(x), gram(y))


def gram(features: Tensor) -> Tensor:
    """Return the inner products of N images' centred features: float64 [N, N]."""
    centred = features.double() - features.double().mean(0)
    return centred @ centred.T


def cka_by_depth(features: Mapping[str, Tensor]) -> Tensor:
    """Return the linear CKA of every pair of depths: float64 [depths, depths]."""
    grams = [gram(found) for found in features.values()]
    return torch.tensor([[_compute_cka(a, b) for b in grams] for a in grams], dtype=torch.float64)


def _compute_cka(a: Tensor, b: Tensor) -> float:
    sizes = a.norm() * b.norm()
    if sizes == 0:
        raise InputError("CKA needs features that differ between images, got the same for all; take other images")
    return ((a * b).sum() / sizes).item()
