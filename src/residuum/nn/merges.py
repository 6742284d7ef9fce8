"""Merges: how a block joins its shortcut with its branch, ``merge(shortcut, branch, x)``.

A merge without weights ignores x; gates read it to weigh the two sides.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import pick
from .convolutions import conv_gate

Merge = Callable[[int, int, int], nn.Module]


class Add(nn.Module):
    """shortcut + branch: the residual block (He15 eq. 1).

    >>> Add()(torch.ones(2), torch.ones(2), torch.zeros(2))
    tensor([2., 2.])
    """

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the sum."""
        return shortcut + branch


class BranchOnly(nn.Module):
    """branch: the plain network, the residual one's twin without the addition.

    >>> BranchOnly()(torch.ones(2), torch.full((2,), 3.0), torch.zeros(2))
    tensor([3., 3.])
    """

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the branch and ignore the shortcut."""
        return branch


class ScaledAdd(nn.Module):
    """a * shortcut + b * branch with two constants (He16 section 3.1, constant scaling).

    Over L blocks the direct term is multiplied by a ** L (He16 eq. 8).

    >>> ScaledAdd(0.5, 0.25)(torch.ones(2), torch.ones(2), torch.zeros(2))
    tensor([0.7500, 0.7500])
    """

    def __init__(self, shortcut_scale: float = 0.5, branch_scale: float = 0.5) -> None:
        super().__init__()
        self.shortcut_scale = shortcut_scale
        self.branch_scale = branch_scale

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the scaled sum."""
        return self.shortcut_scale * shortcut + self.branch_scale * branch

    def extra_repr(self) -> str:
        """Show both constants."""
        return f"shortcut_scale={self.shortcut_scale}, branch_scale={self.branch_scale}"


class Gate(nn.Module):
    """T * branch + (1 - T) * shortcut with T = sigmoid(transform(x)): Highway, coupled (Sri15 eq. 3).

    The same is "exclusive gating" in He16 section 3.1. T -> 0 carries, T -> 1 computes.

    Args:
        transform: x to the gate's logits, of the shape of the branch's output (or one that broadcasts to it): a
            convolution for images (``conv_gate``), a linear layer for vectors (``linear_gate``).

    >>> gate = Gate(linear_gate(4, 4, bias=-100.0))  # shut: it carries
    >>> x = torch.ones(1, 4)
    >>> gate(x, torch.zeros(1, 4), x)
    tensor([[1., 1., 1., 1.]], grad_fn=<AddBackward0>)
    """

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the mixture."""
        gate = torch.sigmoid(self.transform(x))
        return gate * branch + (1 - gate) * shortcut


class UncoupledGate(nn.Module):
    """T * branch + C * shortcut with T = sigmoid(transform(x)) and C = sigmoid(carry(x)) (Sri15 eq. 2).

    T = C = 1 is the residual block.

    Args:
        transform: x to the transform gate's logits.
        carry: x to the carry gate's logits.

    >>> merge = UncoupledGate(linear_gate(4, 4, bias=100.0), linear_gate(4, 4, bias=100.0))  # both open
    >>> x = torch.ones(1, 4)
    >>> merge(x, x, x).tolist()
    [[2.0, 2.0, 2.0, 2.0]]
    """

    def __init__(self, transform: nn.Module, carry: nn.Module) -> None:
        super().__init__()
        self.transform = transform
        self.carry = carry

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the gated sum."""
        return torch.sigmoid(self.transform(x)) * branch + torch.sigmoid(self.carry(x)) * shortcut


class ShortcutGate(nn.Module):
    """branch + (1 - T) * shortcut with T = sigmoid(transform(x)): shortcut-only gating (He16 section 3.1).

    A negative bias of the gate starts it near the residual block.

    >>> x = torch.ones(1, 4)
    >>> ShortcutGate(linear_gate(4, 4, bias=-100.0))(x, x, x).tolist()
    [[2.0, 2.0, 2.0, 2.0]]
    """

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return the sum of the branch and the gated shortcut."""
        return branch + (1 - torch.sigmoid(self.transform(x))) * shortcut


class Concatenate(nn.Module):
    """[shortcut, branch] along one dimension: the dense block (Hua16 eq. 2).

    Args:
        dim: the channels' dimension: 1 for images [N, C, H, W], -1 for vectors [..., C].

    >>> x = torch.zeros(1, 3, 8, 8)
    >>> Concatenate()(x, x, x).shape
    torch.Size([1, 6, 8, 8])
    """

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, shortcut: Tensor, branch: Tensor, x: Tensor) -> Tensor:
        """Return both, the shortcut first."""
        return torch.cat((shortcut, branch), self.dim)

    def extra_repr(self) -> str:
        """Show the dimension."""
        return f"dim={self.dim}"


def add(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build the residual block's merge."""
    return Add()


def constant_scaling(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build half of each side (He16 table 1, constant scaling)."""
    return ScaledAdd(0.5, 0.5)


def exclusive_gating(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build a coupled gate of a 1x1 convolution with bias -6 (He16 table 1, exclusive gating)."""
    return Gate(conv_gate(in_channels, out_channels, stride, bias=-6.0))


def shortcut_gating(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Build a gate on the shortcut alone, bias -6 (He16 table 1, shortcut-only gating)."""
    return ShortcutGate(conv_gate(in_channels, out_channels, stride, bias=-6.0))


MERGES: dict[str, Merge] = {
    "add": add,
    "constant_scaling": constant_scaling,
    "exclusive_gating": exclusive_gating,
    "shortcut_gating": shortcut_gating,
}


def pick_merge(name: str) -> Merge:
    """Return the merge of that name, or say which names there are."""
    return pick(MERGES, name, "merge")
