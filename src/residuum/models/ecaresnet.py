"""Efficient channel attention on ResNet-D: the branch ends in a gate that looks at neighbouring channels (Wang et al.
2019, arXiv:1910.03151).

y = relu(shortcut(x) + eca(branch(x))), with the stem and the shortcuts of ResNet-D, as timm trains it.
"""  # fmt: skip

from __future__ import annotations

from ..nn import Network, option_d, squeezed
from ..nn.squeeze_excite import ChannelAttention
from .resnet import layout, residual_network
from .resnet_d import pick_stem
from .variant import variant


def ecaresnet(depth: int = 50, *, num_classes: int = 1000, in_chans: int = 3, stem: str = "deep") -> Network:
    """Build ECA-ResNet-D; arguments as in ``resnet_d``."""
    branch = squeezed(layout(depth)[0], ChannelAttention)
    return residual_network(depth, branch, option_d, pick_stem(stem), num_classes=num_classes, in_chans=in_chans)


BUILDERS = {"ecaresnet": ecaresnet}

VARIANTS = {
    "ecaresnet26t": variant(ecaresnet, depth=26, stem="tiered", source="timm ecaresnet26t", image_size=256),
    "ecaresnet50d": variant(ecaresnet, depth=50, source="timm ecaresnet50d", image_size=224),
    "ecaresnet50t": variant(ecaresnet, depth=50, stem="tiered", source="timm ecaresnet50t", image_size=256),
    "ecaresnet101d": variant(ecaresnet, depth=101, source="timm ecaresnet101d", image_size=224),
}
