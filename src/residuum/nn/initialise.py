"""Initial weights. torch's layers draw from its global generator: fork and seed it to name the draw."""

from __future__ import annotations

from typing import Literal, TypeVar

from torch import nn

from .block import Block

Model = TypeVar("Model", bound=nn.Module)
NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)


def kaiming(model: Model, mode: Literal["fan_out", "fan_in"] = "fan_out") -> Model:
    """Draw every filter from N(0, 2 / fan); norms start at scale 1, shift 0; biases and linear layers stay as built.

    fan_out keeps gradients' size through ReLU layers, fan_in keeps activations' (He et al. 2015, arXiv:1502.01852,
    eq. 14 and 10); torchvision's ResNets take the first, its DenseNets the second. Works in place and returns the
    model.

    >>> conv = kaiming(torch.nn.Conv2d(64, 64, 3))
    >>> round(conv.weight.std().item(), 2)  # sqrt(2 / (64 * 9))
    0.06
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")
    return model


def zero_biases(model: Model, kinds: type[nn.Module] | tuple[type[nn.Module], ...]) -> Model:
    """Set the biases of those kinds of layers to 0. Works in place and returns the model.

    >>> zero_biases(torch.nn.Linear(4, 2), torch.nn.Linear).bias.tolist()
    [0.0, 0.0]
    """
    for module in model.modules():
        if isinstance(module, kinds) and isinstance(bias := getattr(module, "bias", None), nn.Parameter):
            nn.init.zeros_(bias)
    return model


def normal_linear(model: Model, std: float = 0.01) -> Model:
    """Draw every linear layer's matrix from N(0, std ** 2) (VGG, arXiv:1409.1556, section 3.1). In place.

    >>> bool(normal_linear(torch.nn.Linear(100, 100)).weight.abs().max() < 0.1)
    True
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, std)
    return model


def normal_throughout(model: Model, std: float = 0.02) -> Model:
    """Draw every filter and matrix from N(0, std ** 2); biases are 0 (ConvNeXt's published code). In place."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0, std)
    return zero_biases(model, (nn.Conv2d, nn.Linear))


def uniform_linear(model: Model) -> Model:
    """Draw every linear layer's matrix from U(-1, 1) / sqrt(rows) (EfficientNet's published code). In place."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            bound = module.out_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound)
    return model


def zero_gamma(model: Model) -> Model:
    """Set the scale of each branch's last norm to 0, so that every residual block starts as its shortcut.

    Source: Goyal et al. 2017, arXiv:1706.02677, section 5.1. Works in place and returns the model.

    >>> block = zero_gamma(Block(basic_branch(8, 8)))
    >>> x = torch.randn(1, 8, 4, 4)
    >>> torch.equal(block(x), x)
    True
    """
    for block in model.modules():
        if isinstance(block, Block):
            norms = [layer for layer in block.branch.modules() if isinstance(layer, NORMS)]
            if norms:
                nn.init.zeros_(norms[-1].weight)
    return model


def pass_on(model: Model) -> Model:
    """Let the first filters of every padded convolution pass their channel on: as many as channels come in.

    Further filters stay as built. Source: the "identity initialisation" of Jordan 2024, arXiv:2404.00498, section 3.2.
    Works in place and returns the model.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.padding != (0, 0):
            nn.init.dirac_(module.weight.data[: module.in_channels])
    return model
