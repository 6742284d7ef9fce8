"""The members of the family that tests ship: small, with batch norms that look trained."""

import torch
from torch import nn

from residuum import create_model
from residuum.models import Preprocessing

# name: builder, arguments, side of the images that it is tried on, pixels
MEMBERS = {
    "residual_a": ("cifar_resnet", {"depth": 8, "widths": (8, 16, 32)}, 16),
    "residual_b": ("cifar_resnet", {"depth": 8, "widths": (8, 16, 32), "shortcut": "B"}, 16),
    "stochastic": ("cifar_resnet", {"depth": 8, "widths": (8, 16, 32), "stochastic_depth": 0.3}, 16),
    "gated_shortcut": ("cifar_resnet", {"depth": 8, "widths": (8, 16, 32), "shortcut": "shortcut_gating"}, 16),
    "plain": ("cifar_plain", {"depth": 8, "widths": (8, 16, 32)}, 16),
    "preactivation": ("cifar_preact_resnet", {"depth": 8, "branch": "basic"}, 16),
    "norm_after_add": ("cifar_preact_resnet", {"depth": 8, "branch": "basic", "order": "norm_after_add"}, 16),
    "act_before_add": ("cifar_preact_resnet", {"depth": 8, "branch": "basic", "order": "act_before_add"}, 16),
    "wide": ("cifar_wide_resnet", {"depth": 10, "widen": 1}, 16),
    "resnext": ("resnext", {"depth": 50, "groups": 4, "base_width": 4}, 33),
    "seresnet": ("seresnet", {"depth": 18}, 33),
    "resnet_cifar": ("resnet_cifar", {"depth": 18}, 9),
    "ecaresnet": ("ecaresnet", {"depth": 10}, 33),
    "resnet_gn": ("resnet_gn", {"depth": 10}, 33),
    "bit_resnet": ("bit_resnet", {"depth": 14}, 33),
    "resnet_d": ("resnet_d", {"depth": 18}, 33),
    "preact_imagenet": ("preact_resnet", {"depth": 18}, 33),
    "preact_resnet_cifar": ("preact_resnet_cifar", {"depth": 18}, 9),
    "dense": ("cifar_densenet", {"depth": 10, "growth": 6}, 16),
    "dense_bc": ("cifar_densenet_bc", {"depth": 16, "growth": 6}, 16),
    "highway": ("cifar_highway", {"depth": 8, "widths": (8, 16, 32)}, 16),
    "efficientnet": ("efficientnet", {}, 64),
    "efficientnet_lite": ("efficientnet_lite", {}, 64),
    "mobilenet_v2": ("mobilenet_v2", {"width": 0.35}, 64),
    "mobilenet_v3": ("mobilenet_v3", {}, 64),
    "regnet": ("regnet_y", {"size": "200mf"}, 64),
    "convnext": ("convnext", {"scale": 0.3}, 64),
    "vgg_bn": ("vgg_bn", {"depth": 11, "hidden": 16}, 32),
    "alexnet": ("alexnet", {"hidden": 16}, 63),
    "vit": ("vit", {"depth": 2, "image_size": 16, "patch_size": 4, "width": 24, "heads": 2}, 16),
    "vit_batch_norm": (
        "vit",
        {"depth": 2, "image_size": 16, "patch_size": 4, "width": 24, "heads": 2, "norm": "batch"},
        16,
    ),
    "highway_mlp": ("highway_mlp", {"depth": 4, "in_chans": 3, "image_size": 16}, 16),
}


def member(name, **arguments):
    """Build a member with settled norms, in evaluation mode, and the side of its images."""
    builder, fixed, side = MEMBERS[name]
    return settled(create_model(builder, **{"num_classes": 5, **fixed, **arguments})), side


@torch.no_grad()
def settled(model):
    """Give every batch norm statistics and weights as training leaves them: no 0 or 1, some scales negative."""
    draw = torch.Generator().manual_seed(7)

    def uniform(low, high, like):
        return low + (high - low) * torch.rand(like.shape, generator=draw)

    for layer in model.modules():
        if not isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            continue
        layer.running_mean.copy_(uniform(-0.5, 0.5, layer.running_mean))
        layer.running_var.copy_(uniform(0.5, 1.5, layer.running_var))
        if layer.affine:
            layer.weight.copy_(uniform(0.6, 1.1, layer.weight) * uniform(-0.1, 0.9, layer.weight).sign())
            layer.bias.copy_(uniform(-0.3, 0.3, layer.bias))
    return model.eval()


MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def ready(name, **arguments):
    """Build a member that says how its pictures are prepared."""
    model, side = member(name, **arguments)
    model.description.preprocessing = Preprocessing((side, side), MEAN, STD)
    return model
