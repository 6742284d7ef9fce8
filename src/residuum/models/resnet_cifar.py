"""ResNet-18 to -152 for small images: the networks of He15 table 1 behind a 3x3 stem that keeps the size.

y = relu(shortcut(x) + branch(x)) as in ResNet; only the stem differs, so that the last map of a 32-pixel image is
4x4. They are the networks of many CIFAR repositories (kuangliu's pytorch-cifar, weiaicunzai's pytorch-cifar100,
huyvnphan's PyTorch_CIFAR10), not those of He15 section 4.2, which are ``cifar_resnet``.
"""

from __future__ import annotations

from ..nn import Network, cifar_stem
from ..nn import zero_gamma as start_as_shortcut
from ..nn.shortcuts import option_b
from .resnet import layout, residual_network
from .variant import variant


def resnet_cifar(depth: int = 18, *, num_classes: int = 10, in_chans: int = 3, zero_gamma: bool = False) -> Network:
    """Build a wide-open ResNet for images of 32 pixels, the bottleneck's stride on its 3x3 convolution.

    Args:
        depth: as in He15 table 1.
        num_classes: how many logits.
        in_chans: channels of the images.
        zero_gamma: start every block as its shortcut.
    """
    branch = layout(depth)[0]
    network = residual_network(depth, branch, option_b, cifar_stem, num_classes=num_classes, in_chans=in_chans)
    return start_as_shortcut(network) if zero_gamma else network


BUILDERS = {"resnet_cifar": resnet_cifar}

SOURCE = "kuangliu/pytorch-cifar models/resnet.py"

VARIANTS = {
    "resnet18_cifar": variant(resnet_cifar, depth=18, source=SOURCE, image_size=32),
    "resnet34_cifar": variant(resnet_cifar, depth=34, source=SOURCE, image_size=32),
    "resnet50_cifar": variant(resnet_cifar, depth=50, source=SOURCE, image_size=32),
    "resnet101_cifar": variant(resnet_cifar, depth=101, source=SOURCE, image_size=32),
    "resnet152_cifar": variant(resnet_cifar, depth=152, source=SOURCE, image_size=32),
}
