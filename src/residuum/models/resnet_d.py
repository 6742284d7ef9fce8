"""ResNet-D: no position of the stream is skipped over (He et al. 2018, arXiv:1812.01187, figure 2).

y = relu(shortcut(x) + branch(x)) with three 3x3 convolutions in the stem and average pooling before projections.
"""

from __future__ import annotations

from functools import partial

from ..errors import pick
from ..nn import Network, deep_stem, option_d
from ..nn import zero_gamma as start_as_shortcut
from ..nn.stems import Stem
from .resnet import layout, residual_network
from .variant import variant

# the channels of the stem's first two convolutions; "tiered" is timm's "t"
STEMS: dict[str, Stem] = {"deep": deep_stem, "tiered": partial(deep_stem, inner=(24, 32))}


def resnet_d(
    depth: int = 50, *, num_classes: int = 1000, in_chans: int = 3, stem: str = "deep", zero_gamma: bool = False
) -> Network:
    """Build ResNet-D of 10, 14, 18, 26, 34, 50, 101, 152 or 200 layers.

    Args:
        depth: as in He15 table 1; the stem counts as one layer.
        num_classes: how many logits.
        in_chans: channels of the images.
        stem: "deep" (32, 32 and 64 channels) or "tiered" (24, 32 and 64).
        zero_gamma: start every block as its shortcut.
    """
    network = residual_network(
        depth, layout(depth)[0], option_d, pick_stem(stem), num_classes=num_classes, in_chans=in_chans
    )
    return start_as_shortcut(network) if zero_gamma else network


def pick_stem(name: str) -> Stem:
    """Return the stem of that name, or say which there are."""
    return pick(STEMS, name, "stem")


BUILDERS = {"resnet_d": resnet_d}

VARIANTS = {
    "resnet10t": variant(resnet_d, depth=10, stem="tiered", source="timm resnet10t", image_size=224),
    "resnet14t": variant(resnet_d, depth=14, stem="tiered", source="timm resnet14t", image_size=224),
    "resnet26d": variant(resnet_d, depth=26, source="timm resnet26d", image_size=224),
    "resnet26t": variant(resnet_d, depth=26, stem="tiered", source="timm resnet26t", image_size=256),
    "resnet50t": variant(resnet_d, depth=50, stem="tiered", source="timm resnet50t", image_size=224),
    "resnet18d": variant(resnet_d, depth=18, source="timm resnet18d", image_size=224),
    "resnet34d": variant(resnet_d, depth=34, source="timm resnet34d", image_size=224),
    "resnet50d": variant(resnet_d, depth=50, source="He et al. 2018, table 5", image_size=224),
    "resnet101d": variant(resnet_d, depth=101, source="timm resnet101d", image_size=224),
    "resnet152d": variant(resnet_d, depth=152, source="timm resnet152d", image_size=224),
    "resnet200d": variant(resnet_d, depth=200, source="timm resnet200d", image_size=256),
}
