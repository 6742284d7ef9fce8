"""Heads: from the last feature map to logits."""

from collections import OrderedDict

from torch import nn


def classifier(num_features: int, num_classes: int, *, bias: bool = True) -> nn.Module:
    """Build the last linear layer; with ``num_classes=0`` the identity, so that the network returns features."""
    return nn.Linear(num_features, num_classes, bias=bias) if num_classes else nn.Identity()


def pooled_head(num_features: int, num_classes: int) -> nn.Module:
    """Build global average pooling and a linear layer (He15 table 1).

    >>> pooled_head(16, 10)(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 10])
    """
    return nn.Sequential(
        OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(1), fc=classifier(num_features, num_classes))
    )


def normed_head(num_features: int, num_classes: int) -> nn.Module:
    """Build norm and activation before the pooled head, for a stream that ends without (Hua16 section 3).

    >>> [name for name, _ in normed_head(16, 10).named_children()]
    ['norm', 'act', 'pool', 'flatten', 'fc']
    """
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(num_features),
            act=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(1),
            fc=classifier(num_features, num_classes),
        )
    )


def largest_head(num_features: int, num_classes: int) -> nn.Module:
    """Build global max pooling and a linear layer without bias, which starts small: N(0, 1 / num_features ** 2).

    Source: the head of airbench94 (Jordan 2024, arXiv:2404.00498, section 3), whose division of the logits by the
    number of features stands in the first weights here.
    """
    fc = nn.Linear(num_features, num_classes, bias=False) if num_classes else nn.Identity()
    if isinstance(fc, nn.Linear):
        nn.init.normal_(fc.weight, std=1 / num_features)
    return nn.Sequential(OrderedDict(pool=nn.AdaptiveMaxPool2d(1), flatten=nn.Flatten(1), fc=fc))
