"""Slots and parts: pure torch."""

from .block import Block
from .branches import basic_branch, bottleneck_branch
from .convolutions import conv_gate, linear_gate
from .heads import pooled_head
from .initialise import kaiming, zero_gamma
from .merges import MERGES, Add, BranchOnly, Concatenate, Gate, ScaledAdd, ShortcutGate, UncoupledGate
from .network import Network
from .shortcuts import SHORTCUTS, PadShortcut, option_a, option_b, option_c
from .stems import cifar_stem, imagenet_stem

__all__ = [
    "MERGES",
    "SHORTCUTS",
    "Add",
    "Block",
    "BranchOnly",
    "Concatenate",
    "Gate",
    "Network",
    "PadShortcut",
    "ScaledAdd",
    "ShortcutGate",
    "UncoupledGate",
    "basic_branch",
    "bottleneck_branch",
    "cifar_stem",
    "conv_gate",
    "imagenet_stem",
    "kaiming",
    "linear_gate",
    "option_a",
    "option_b",
    "option_c",
    "pooled_head",
    "zero_gamma",
]
