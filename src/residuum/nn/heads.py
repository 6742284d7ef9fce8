"""Heads: from the last feature map to logits."""

from collections import OrderedDict

from torch import nn


def classifier(num_features: int, num_classes: int) -> nn.Module:
    """Build the last linear layer; with ``num_classes=0`` the identity, so that the network returns features."""
    return nn.Linear(num_features, num_classes) if num_classes else nn.Identity()


def pooled_head(num_features: int, num_classes: int) -> nn.Module:
    """Build global average pooling and a linear layer (He15 table 1)."""
    return nn.Sequential(
        OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(1), fc=classifier(num_features, num_classes))
    )


def normed_head(num_features: int, num_classes: int) -> nn.Module:
    """Build norm and activation before the pooled head, for a stream that ends without (Hua16 section 3)."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(num_features),
            act=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(1),
            fc=classifier(num_features, num_classes),
        )
    )
