"""ResNet with group norm: every image is normalised by itself (Wu and He 2018, arXiv:1803.08494).

y = relu(shortcut(x) + branch(x)) as in ResNet; only the norms differ.
"""

from __future__ import annotations

from functools import partial

from ..nn import Network, imagenet_stem
from ..nn.image_norms import group_norm
from ..nn.shortcuts import option_b
from .resnet import layout, residual_network
from .variant import variant


def resnet_gn(depth: int = 50, *, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build a ResNet of the depths of He15 table 1, 32 groups of channels in each norm."""
    return residual_network(
        depth,
        partial(layout(depth)[0], norm=group_norm),  # pyright: ignore[reportCallIssue]
        partial(option_b, norm=group_norm),
        partial(imagenet_stem, norm=group_norm),
        num_classes=num_classes,
        in_chans=in_chans,
    )


BUILDERS = {"resnet_gn": resnet_gn}

VARIANTS = {"resnet50_gn": variant(resnet_gn, depth=50, source="timm resnet50_gn", image_size=224)}
