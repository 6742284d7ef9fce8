"""Fully connected networks' ends: images flattened to vectors, vectors to logits."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from ..errors import InputError
from .heads import classifier
from .tracing import one_node


class Flat(nn.Module):
    """Images [N, in_chans, size, size] to vectors [N, in_chans * size * size].

    Raises:
        InputError: an image of another shape; a fully connected network is made for one size.
    """

    def __init__(self, in_chans: int, image_size: int) -> None:
        super().__init__()
        self.shape = (in_chans, image_size, image_size)

    def forward(self, images: Tensor) -> Tensor:
        """Return the vectors."""
        return check_shape(images, self.shape).flatten(1)


@one_node
def check_shape(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return images [N, *shape], or raise InputError."""
    if tuple(images.shape[1:]) != tuple(shape):
        raise InputError(
            f"this model takes images of shape {list(shape)}, got {list(images.shape[1:])}; "
            "resize them or build it with in_chans= and image_size="
        )
    return images


def flat_stem(in_chans: int, image_size: int, width: int, activation: nn.Module) -> nn.Module:
    """Build one fully connected layer on all pixels: a plain layer, which brings the image to the blocks' width."""
    flat = Flat(in_chans, image_size)
    return nn.Sequential(
        OrderedDict(flat=flat, fc=nn.Linear(in_chans * image_size * image_size, width), act=activation)
    )


def flat_head(num_features: int, num_classes: int) -> nn.Module:
    """Build a linear layer."""
    return nn.Sequential(OrderedDict(fc=classifier(num_features, num_classes)))


def normed_flat_head(num_features: int, num_classes: int) -> nn.Module:
    """Build a batch norm and a linear layer, for a stream whose size depends on the terms added to it."""
    norm = nn.BatchNorm1d(num_features)
    return nn.Sequential(OrderedDict(norm=norm, fc=classifier(num_features, num_classes)))
