"""A first layer that is computed instead of learned: its outputs on patches are uncorrelated and of equal size."""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError


def whitened_stem(in_chans: int, *, patch: int = 2) -> nn.Module:
    """Build a convolution over all patches with two filters for each number in a patch, shifts of 0, and ReLU.

    Its filters are drawn like any other's until ``whiten`` computes them.

    Args:
        in_chans: channels of the images.
        patch: side of a patch, pixels; maps stay H x W, zeros fill the patches at the border.
    """
    conv = nn.Conv2d(in_chans, whitened_width(in_chans, patch), patch)
    nn.init.zeros_(conv.get_parameter("bias"))
    pad = nn.ZeroPad2d((0, patch - 1, 0, patch - 1))
    return nn.Sequential(OrderedDict(pad=pad, whiten=conv, act=nn.ReLU()))


def whitened_width(in_chans: int, patch: int = 2) -> int:
    """Return the number of channels of the stem: each direction of a patch and its opposite."""
    return 2 * in_chans * patch * patch


@torch.no_grad()
def whiten(model: nn.Module, images: Tensor, eps: float = 5e-4) -> None:
    """Set the filters of ``model.stem.whiten`` to the whitening of the images' patches, in place.

    With C = E[p p'] over all patches p, and its eigenvectors v_i of eigenvalues l_i, filter i is v_i / sqrt(l_i + eps)
    and the second half of the filters are the opposites, so that ReLU loses nothing. Source: the first layer of
    tysam-code/hlb-CIFAR10 (2023), here as in Jordan 2024, arXiv:2404.00498, section 3.1.

    Args:
        model: a network whose stem has a layer named ``whiten``.
        images: [N, in_chans, H, W], as the network receives them.
        eps: added to the eigenvalues, so that directions without variance are not amplified.

    Raises:
        InputError: there is no such layer.
    """
    conv = getattr(getattr(model, "stem", None), "whiten", None)
    if not isinstance(conv, nn.Conv2d):
        raise InputError(
            f"whitening sets a first layer named stem.whiten, and {type(model).__name__} has none; give --no-whiten, "
            "or take a model such as fast_resnet8"
        )
    size = conv.in_channels * conv.kernel_size[0] * conv.kernel_size[1]
    if conv.out_channels != 2 * size:
        raise InputError(f"whitening makes two filters of {size} numbers for each of them, got {conv.out_channels}")
    covariance, patches = torch.zeros(size, size, dtype=torch.float64), 0
    for part in images.split(1000):  # the patches of all at once would not fit
        rows = F.unfold(part.float(), conv.kernel_size[0]).transpose(1, 2).flatten(0, 1).double()
        covariance += rows.T @ rows
        patches += len(rows)
    values, vectors = torch.linalg.eigh(covariance / patches)
    filters = (vectors / (values + eps).sqrt()).T.reshape(size, *conv.weight.shape[1:])
    conv.weight.copy_(torch.cat((filters, -filters)))


def keep_whitened(model: nn.Module) -> None:
    """Freeze the computed filters of ``model.stem.whiten``; its shift keeps training. In place."""
    stem: nn.Module = model.get_submodule("stem")
    stem.get_parameter("whiten.weight").requires_grad_(False)
