"""Norms of feature maps [N, C, H, W], by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ..errors import pick

Norm = Callable[[int], nn.Module]


def layer_norm(channels: int) -> nn.Module:
    """Build a norm of each image over channels and positions (Ba et al. 2016, arXiv:1607.06450, section 6.7)."""
    return nn.GroupNorm(1, channels)


def group_norm(channels: int) -> nn.Module:
    """Build a norm of each image over groups of channels, 32 of them (Wu and He 2018, arXiv:1803.08494)."""
    return nn.GroupNorm(32, channels)


def no_norm(channels: int) -> nn.Module:
    """Build the identity, so that a network without normalisation differs in this word alone."""
    return nn.Identity()


def unscaled_norm(channels: int, momentum: float = 0.1) -> nn.Module:
    """Build batch norm that learns a shift and keeps its scale at 1 (Jordan 2024, arXiv:2404.00498, section 3)."""
    norm = nn.BatchNorm2d(channels, momentum=momentum)
    norm.weight.requires_grad_(False)
    return norm


IMAGE_NORMS: dict[str, Norm] = {"batch": nn.BatchNorm2d, "layer": layer_norm, "none": no_norm}


def pick_image_norm(name: str) -> Norm:
    """Return the norm of that name, or say which names there are."""
    return pick(IMAGE_NORMS, name, "norm")
