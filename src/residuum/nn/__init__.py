"""Slots and parts: pure torch."""

from .block import Block
from .branches import basic_branch, bottleneck_branch
from .heads import pooled_head
from .initialise import kaiming, zero_gamma
from .merges import Add, BranchOnly
from .network import Network
from .shortcuts import SHORTCUTS, PadShortcut, option_a, option_b, option_c
from .stems import cifar_stem, imagenet_stem

__all__ = [
    "SHORTCUTS",
    "Add",
    "Block",
    "BranchOnly",
    "Network",
    "PadShortcut",
    "basic_branch",
    "bottleneck_branch",
    "cifar_stem",
    "imagenet_stem",
    "kaiming",
    "option_a",
    "option_b",
    "option_c",
    "pooled_head",
    "zero_gamma",
]
