"""Squeeze-and-excitation networks: the branch ends in a gate on its channels (Hu et al. 2017, arXiv:1709.01507).

y = relu(shortcut(x) + se(branch(x))); otherwise ResNet and ResNeXt.
"""

from __future__ import annotations

from functools import partial

from ..nn import Network, bottleneck_branch, squeezed
from .resnet import bottleneck_layout, layout, residual_network
from .variant import variant


def seresnet(depth: int = 50, *, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build SE-ResNet of 18, 34, 50, 101, 152 or 200 layers, built like timm's (stride on the 3x3)."""
    return residual_network(depth, squeezed(layout(depth)[0]), num_classes=num_classes, in_chans=in_chans)


def seresnext(
    depth: int = 50, *, groups: int = 32, base_width: int = 4, num_classes: int = 1000, in_chans: int = 3
) -> Network:
    """Build SE-ResNeXt of 50, 101, 152 or 200 layers; ``groups`` and ``base_width`` as in ``resnext``."""
    bottleneck_layout(depth)
    branch = squeezed(partial(bottleneck_branch, groups=groups, base_width=base_width))
    return residual_network(depth, branch, num_classes=num_classes, in_chans=in_chans)


BUILDERS = {"seresnet": seresnet, "seresnext": seresnext}

VARIANTS = {
    "seresnet18": variant(seresnet, depth=18, source="timm seresnet18", image_size=224),
    "seresnet34": variant(seresnet, depth=34, source="timm seresnet34", image_size=224),
    "seresnet50": variant(seresnet, depth=50, source="Hu et al. 2017, table 1", image_size=224),
    "seresnet101": variant(seresnet, depth=101, source="Hu et al. 2017, table 2", image_size=224),
    "seresnet152": variant(seresnet, depth=152, source="Hu et al. 2017, table 2", image_size=224),
    "seresnext50_32x4d": variant(
        seresnext, depth=50, groups=32, base_width=4, source="Hu et al. 2017, table 2", image_size=224
    ),
    "seresnext101_32x4d": variant(
        seresnext, depth=101, groups=32, base_width=4, source="Hu et al. 2017, table 2", image_size=224
    ),
}
