"""Preprocessing as part of the network, so that the file needs no other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..evaluation.accuracy import as_classes
from ..models import Preprocessing


class FromPixels(nn.Module):
    """softmax(network(normalise(resize(images)))): uint8 [N, C, H, W] of any size -> probabilities [N, classes].

    Resizing is antialiased without rounding to whole levels; with ``resize`` the window that a resize and centre
    crop keep is cropped first. The result differs from the resizing of files by less than one level of 255.

    Args:
        network: images to logits.
        preprocessing: size, mean and standard deviation.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.size, self.resize, self.way = preprocessing.size, preprocessing.resize, preprocessing.interpolation
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in (preprocessing.mean, preprocessing.std))
        self.register_buffer("scale", (1 / (255 * std)).float().view(1, -1, 1, 1))
        self.register_buffer("shift", (-mean / std).float().view(1, -1, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return probabilities."""
        if self.resize:
            pictures = self._middle(pictures)
        fitted = F.interpolate(pictures.float(), self.size, mode=self.way, antialias=True)
        if self.way == "bicubic":  # bicubic overshoots at edges
            fitted = fitted.clamp(0, 255)
        images = torch.addcmul(self.get_buffer("shift"), fitted, self.get_buffer("scale"))
        return as_classes(self.network(images)).softmax(1)

    def _middle(self, pictures: Tensor) -> Tensor:
        """Return the window whose sides are size / resize of the shorter side; sides stay symbolic in an export."""
        height, width = pictures.shape[-2:]
        short = torch.sym_min(height, width)
        high, wide = short * self.size[0] // self.resize, short * self.size[1] // self.resize
        top, left = (height - high) // 2, (width - wide) // 2
        return pictures[:, :, top : top + high, left : left + wide]
