"""Convolutions: without bias as they stand before a norm; with bias as they open and close gates."""

from torch import nn


def conv3x3(in_channels: int, out_channels: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Build a 3x3 convolution that keeps the size at stride 1."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, groups=groups, bias=False)


def conv1x1(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """Build a 1x1 convolution."""
    return nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)


def conv_gate(
    in_channels: int, out_channels: int, stride: int = 1, *, kernel_size: int = 1, bias: float = -2.0
) -> nn.Conv2d:
    """Build the convolution whose sigmoid is a gate of images; a negative bias starts it nearly shut (Sri15).

    >>> conv_gate(16, 16).bias[:2].tolist()
    [-2.0, -2.0]
    """
    gate = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2)
    nn.init.constant_(gate.get_parameter("bias"), bias)
    return gate


def linear_gate(in_features: int, out_features: int, *, bias: float = -2.0) -> nn.Linear:
    """Build the linear layer whose sigmoid is a gate of vectors; a negative bias starts it nearly shut (Sri15).

    >>> linear_gate(8, 8, bias=-3.0).bias[0].item()
    -3.0
    """
    gate = nn.Linear(in_features, out_features)
    nn.init.constant_(gate.get_parameter("bias"), bias)
    return gate
