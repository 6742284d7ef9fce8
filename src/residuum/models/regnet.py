"""RegNet X and Y (Radosavovic et al. 2020, arXiv:2003.13678): residual networks that are a table of widths.

y = relu(shortcut(x) + branch(x)) with a bottleneck as wide inside as outside, its 3x3 convolution in groups of a fixed
width; Y has a gate on the channels behind that convolution. Built like torchvision's, so that its weights give the
same bits. torchvision rounds three of the paper's tables differently; those have the paper's under names of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from torch import nn

from ..errors import InputError, nearest
from ..nn import Block, Network, SqueezeExcite, kaiming, pooled_head, zero_biases
from ..nn.branches import grouped_branch
from ..nn.initialise import normal_linear
from ..nn.inverted import Parts, halving_stem
from ..nn.shortcuts import option_b
from .stages import stage
from .variant import Variant, variant

STEM_WIDTH = 32


class Table(NamedTuple):
    """Blocks and channels of the four stages, and the channels of a group."""

    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    group_width: int


# by multiply-adds; "paper" marks a table that torchvision rounds differently
X_TABLES = {
    "200mf": Table((1, 1, 4, 7), (24, 56, 152, 368), 8),
    "400mf": Table((1, 2, 7, 12), (32, 64, 160, 400), 16),
    "400mf_paper": Table((1, 2, 7, 12), (32, 64, 160, 384), 16),
    "600mf": Table((1, 3, 5, 7), (48, 96, 240, 528), 24),
    "800mf": Table((1, 3, 7, 5), (64, 128, 288, 672), 16),
    "1_6gf": Table((2, 4, 10, 2), (72, 168, 408, 912), 24),
    "3_2gf": Table((2, 6, 15, 2), (96, 192, 432, 1008), 48),
    "4gf": Table((2, 5, 14, 2), (80, 240, 560, 1360), 40),
    "6_4gf": Table((2, 4, 10, 1), (168, 392, 784, 1624), 56),
    "8gf": Table((2, 5, 15, 1), (80, 240, 720, 1920), 120),
    "12gf": Table((2, 5, 11, 1), (224, 448, 896, 2240), 112),
    "16gf": Table((2, 6, 13, 1), (256, 512, 896, 2048), 128),
    "32gf": Table((2, 7, 13, 1), (336, 672, 1344, 2520), 168),
}
Y_TABLES = {
    "200mf": Table((1, 1, 4, 7), (24, 56, 152, 368), 8),
    "400mf": Table((1, 3, 6, 6), (48, 104, 208, 440), 8),
    "600mf": Table((1, 3, 7, 4), (48, 112, 256, 608), 16),
    "800mf": Table((1, 3, 8, 2), (64, 144, 320, 784), 16),
    "800mf_paper": Table((1, 3, 8, 2), (64, 128, 320, 768), 16),
    "1_6gf": Table((2, 6, 17, 2), (48, 120, 336, 888), 24),
    "3_2gf": Table((2, 5, 13, 1), (72, 216, 576, 1512), 24),
    "4gf": Table((2, 6, 12, 2), (128, 192, 512, 1088), 64),
    "6_4gf": Table((2, 7, 14, 2), (144, 288, 576, 1296), 72),
    "8gf": Table((2, 4, 10, 1), (224, 448, 896, 2016), 56),
    "8gf_paper": Table((2, 4, 10, 1), (168, 448, 896, 2016), 56),
    "12gf": Table((2, 5, 11, 1), (224, 448, 896, 2240), 112),
    "16gf": Table((2, 4, 11, 1), (224, 448, 1232, 3024), 112),
    "32gf": Table((2, 5, 12, 1), (232, 696, 1392, 3712), 232),
}


def regnet_x(size: str = "400mf", *, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build RegNet X: y = relu(shortcut(x) + branch(x)).

    Args:
        size: multiply-adds for an image of 224 x 224, "200mf" to "32gf".
        num_classes: how many logits.
        in_chans: channels of the images.
    """
    return regnet(pick_size(size, X_TABLES), num_classes, in_chans, gated=False)


def regnet_y(size: str = "400mf", *, num_classes: int = 1000, in_chans: int = 3) -> Network:
    """Build RegNet Y: RegNet X with a gate on the channels inside each branch.

    Args:
        size: multiply-adds for an image of 224 x 224, "200mf" to "32gf".
        num_classes: how many logits.
        in_chans: channels of the images.
    """
    return regnet(pick_size(size, Y_TABLES), num_classes, in_chans, gated=True)


def regnet(table: Table, num_classes: int, in_chans: int, *, gated: bool) -> Network:
    """Fill the table with grouped bottlenecks, each stage at half of the size before; the gate is Y's."""

    def block(in_channels: int, out_channels: int, stride: int) -> Block:
        gate = partial(SqueezeExcite, hidden=round(in_channels / 4)) if gated else None
        return Block(
            grouped_branch(in_channels, out_channels, stride, group_width=table.group_width, gate=gate),
            shortcut=option_b(in_channels, out_channels, stride),
            activation=nn.ReLU(),
        )

    widths = (STEM_WIDTH, *table.widths)
    network = Network(
        stem=halving_stem(in_chans, STEM_WIDTH, Parts(nn.ReLU, nn.BatchNorm2d)),
        stages=[stage(block, count, *ends, 2) for count, ends in zip(table.blocks, pairwise(widths), strict=True)],
        head=pooled_head(widths[-1], num_classes),
        num_features=widths[-1],
    )
    return zero_biases(normal_linear(kaiming(network)), nn.Linear)


def pick_size(size: str, tables: dict[str, Table]) -> Table:
    """Return the table of that size, or say which there are."""
    if size not in tables:
        raise InputError(f"size must be one of {', '.join(tables)}, got {size!r}; {nearest(size, list(tables))}")
    return tables[size]


def published(letter: str, builder: Callable[..., Network], tables: dict[str, Table]) -> dict[str, Variant]:
    """Return a row for each size; three layers a block, the stem and the head."""
    rows = {}
    for size, table in tables.items():
        multiplied = size.removesuffix("_paper")
        source = f"Radosavovic et al. 2020, RegNet{letter.upper()}-{multiplied.replace('_', '.').upper()}"
        source += "" if size.endswith("_paper") else ", built like torchvision's"
        layers = 3 * sum(table.blocks) + 2
        rows[f"regnet_{letter}_{size}"] = variant(builder, size=size, source=source, image_size=224, layers=layers)
    return rows


BUILDERS = {"regnet_x": regnet_x, "regnet_y": regnet_y}

VARIANTS = {**published("x", regnet_x, X_TABLES), **published("y", regnet_y, Y_TABLES)}
