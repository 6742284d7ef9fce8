"""ResNeXt: the bottleneck's middle convolution in groups (Xie17, figure 3 (c)).

y = relu(shortcut(x) + branch(x)) as in ResNet; only the branch's width and groups differ.
"""

from __future__ import annotations

from functools import partial

from ..nn import Network, bottleneck_branch
from ..nn import zero_gamma as start_as_shortcut
from ..nn.shortcuts import pick_shortcut
from .resnet import bottleneck_layout, residual_network
from .variant import variant


def resnext(
    depth: int = 50,
    *,
    groups: int = 32,
    base_width: int = 4,
    num_classes: int = 1000,
    in_chans: int = 3,
    shortcut: str = "B",
    zero_gamma: bool = False,
) -> Network:
    """Build a residual network with grouped bottlenecks.

    Args:
        depth: 50, 101, 152 or 200.
        groups: how many groups the 3x3 convolution has ("cardinality").
        base_width: channels of one group in the first stage; it doubles with every stage.
        num_classes: how many logits.
        in_chans: channels of the images.
        shortcut: "A", "B", "C" or "D".
        zero_gamma: start every block as its shortcut.
    """
    bottleneck_layout(depth)
    branch = partial(bottleneck_branch, groups=groups, base_width=base_width)
    network = residual_network(depth, branch, pick_shortcut(shortcut), num_classes=num_classes, in_chans=in_chans)
    return start_as_shortcut(network) if zero_gamma else network


BUILDERS = {"resnext": resnext}

VARIANTS = {
    "resnext50_32x4d": variant(resnext, depth=50, groups=32, base_width=4, source="Xie17 table 1", image_size=224),
    "resnext101_32x4d": variant(resnext, depth=101, groups=32, base_width=4, source="Xie17 table 3", image_size=224),
    "resnext101_64x4d": variant(resnext, depth=101, groups=64, base_width=4, source="Xie17 table 4", image_size=224),
    "resnext101_32x8d": variant(
        resnext, depth=101, groups=32, base_width=8, source="Mahajan et al. 2018, arXiv:1805.00932", image_size=224
    ),
}
