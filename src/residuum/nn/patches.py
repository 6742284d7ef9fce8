"""From an image to a sequence of patches, and from the sequence to logits."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from ..errors import InputError
from .heads import classifier
from .tracing import one_node


class PatchStem(nn.Module):
    """Cut an image into squares: [N, in_chans, size, size] -> [N, 1 + (size / patch)^2, width].

    A learnt vector stands in front of the patches and gathers what the head reads; places are learnt.
    Source: Dosovitskiy et al. 2020, arXiv:2010.11929, eq. 1.

    Raises:
        InputError: size is no multiple of patch; an image of another size.
    """

    def __init__(self, in_chans: int, width: int, *, image_size: int, patch_size: int) -> None:
        super().__init__()
        if patch_size < 1 or image_size % patch_size:
            raise InputError(f"image_size must be a multiple of patch_size, got {image_size} and {patch_size}")
        self.image_size = image_size
        self.conv = nn.Conv2d(in_chans, width, patch_size, stride=patch_size)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.zeros(1, 1 + (image_size // patch_size) ** 2, width))

    def forward(self, images: Tensor) -> Tensor:
        """Return the sequence."""
        patches = self.conv(check_side(images, self.image_size)).flatten(2).transpose(1, 2)
        return torch.cat([self.first.expand(images.shape[0], -1, -1), patches], dim=1) + self.places


@one_node
def check_side(images: Tensor, side: int) -> Tensor:
    """Return images [..., side, side], or raise InputError."""
    if tuple(images.shape[-2:]) != (side, side):
        raise InputError(
            f"this model takes images of {side}x{side} pixels, got "
            f"{images.shape[-2]}x{images.shape[-1]}; resize them or build it with image_size="
        )
    return images


class FirstToken(nn.Module):
    """The vector in front of the patches: [N, T, width] -> [N, width]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the first position."""
        return x[:, 0]


def first_token_head(norm: nn.Module, num_features: int, num_classes: int) -> nn.Module:
    """Build the last norm, the first position and a linear layer (Dosovitskiy et al. 2020, eq. 4)."""
    return nn.Sequential(OrderedDict(norm=norm, first=FirstToken(), fc=classifier(num_features, num_classes)))
