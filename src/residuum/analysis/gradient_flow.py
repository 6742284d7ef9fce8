"""How the gradient flows back through a network on images: its size by block, its similarity, its paths.

The error is a random direction at the logits, not the loss, so that a network that has learnt its images can be
measured as well as a new one. Batch norms take the statistics of the images at hand, as in training.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..seeds import drawing
from .gradients import likeness
from .laws.subject import without_chance
from .passages import Passage, chains, watching
from .paths import BothWays


class Flow(NamedTuple):
    """Statistics of the gradient."""

    sizes: list[float]  # norm of the gradient before each block, and (last) behind the last one, over this last one's
    likeness: float  # cosine of the images' gradients with those of their partners
    rope: float  # norm of the gradient through the shortcuts alone, over that of the whole, before the first block


def partners(images: Tensor, rho: float, seed: int = 0) -> Tensor:
    """Return the images, followed by a partner of each at cosine rho and of the same norm: float64 [2 N, C, H, W].

    Args:
        images: [N, C, H, W] as the network receives them.
        rho: the cosine.
        seed: of the stream ``study``, which draws the rest of the partner, at a right angle to its image.
    """
    images = images.double()
    with drawing(seed, "study", 0):
        noise = torch.randn(images.shape, dtype=torch.float64)
    norm = images.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    along = (noise * images).flatten(1).sum(1).view(-1, 1, 1, 1) / norm**2
    noise = noise - along * images
    noise = noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1) * norm
    return torch.cat([images, rho * images + math.sqrt(1 - rho**2) * noise])


def row_and_slope(
    model: nn.Module, images: Tensor, *, sharing: int = 1, seed: int = 0
) -> tuple[list[Passage], Tensor, list[Tensor]]:
    """Pass images and send random directions back.

    Args:
        model: a network of blocks in a row; a float64 copy runs, in train mode.
        images: [N, C, H, W] as the network receives them.
        sharing: the number of images that share a direction: 2 where the second half are the first one's partners.
        seed: of the stream ``study``, which draws the directions.

    Returns: the blocks' passages, the gradient behind the last block, and the gradients at the images and before each
    block.

    Raises:
        InputError: a network that is not made of blocks.
    """
    running = without_chance(copy.deepcopy(model)).double().train()
    images = images.double().requires_grad_(True)
    with watching(running) as passages:
        logits = running(images)
    if not passages:
        raise InputError(f"this analysis follows blocks, and {type(model).__name__} has none; give a network of blocks")
    row = max(chains(passages), key=len)
    with drawing(seed, "study", 1):
        towards = torch.randn(len(images) // sharing, logits.shape[1], dtype=torch.float64).repeat(sharing, 1)
    slope, *slopes = torch.autograd.grad(logits, [row[-1].y, images, *(p.x for p in row)], towards)
    return row, slope, slopes


def flow(model: nn.Module, images: Tensor, seed: int = 0) -> Flow:
    """Return sizes, similarity and rope.

    Args:
        model: as in ``row_and_slope``.
        images: float64 [2 N, C, H, W], the partners behind their images.
        seed: as in ``row_and_slope``.
    """
    row, slope, (at_images, *slopes) = row_and_slope(model, images, sharing=2, seed=seed)
    last = slope.norm()
    direct = along_shortcuts(row, slope)
    return Flow(
        [float(each.norm() / last) for each in [*slopes, slope]],
        likeness(at_images.flatten(1)),
        float(direct.norm() / slopes[0].norm()),
    )


def along_shortcuts(row: Sequence[Passage], slope: Tensor) -> Tensor:
    """Return the gradient before the first block through the shortcuts alone: the path of length 0."""
    for passage in reversed(row):
        slope = BothWays(passage).back_one(slope, through=False)
    return slope


def factor(sizes: Sequence[float]) -> float:
    """Return the gradient's factor a block, the geometric mean from the last block to the first."""
    return (sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1))
