"""ResNet-D: no position of the stream is skipped over (He et al. 2018, arXiv:1812.01187, figure 2).

y = relu(shortcut(x) + branch(x)) with three 3x3 convolutions in the stem and average pooling before projections.
"""

from __future__ import annotations

from ..nn import Network, deep_stem, option_d
from ..nn import zero_gamma as start_as_shortcut
from .resnet import layout, residual_network
from .variant import variant


def resnet_d(depth: int = 50, *, num_classes: int = 1000, in_chans: int = 3, zero_gamma: bool = False) -> Network:
    """Build ResNet-D of 18, 34, 50, 101, 152 or 200 layers.

    Args:
        depth: as in He15 table 1; the stem counts as one layer.
        num_classes: how many logits.
        in_chans: channels of the images.
        zero_gamma: start every block as its shortcut.
    """
    branch = layout(depth)[0]
    network = residual_network(depth, branch, option_d, deep_stem, num_classes=num_classes, in_chans=in_chans)
    return start_as_shortcut(network) if zero_gamma else network


BUILDERS = {"resnet_d": resnet_d}

VARIANTS = {
    "resnet18d": variant(resnet_d, depth=18, source="timm resnet18d", image_size=224),
    "resnet34d": variant(resnet_d, depth=34, source="timm resnet34d", image_size=224),
    "resnet50d": variant(resnet_d, depth=50, source="He et al. 2018, table 5", image_size=224),
    "resnet101d": variant(resnet_d, depth=101, source="timm resnet101d", image_size=224),
    "resnet152d": variant(resnet_d, depth=152, source="timm resnet152d", image_size=224),
    "resnet200d": variant(resnet_d, depth=200, source="timm resnet200d", image_size=256),
}
