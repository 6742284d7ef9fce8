"""Slots and parts: pure torch."""

from .block import Block
from .branches import basic_branch, bottleneck_branch, bottleneck_v1_branch, squeezed
from .convolutions import conv_gate, linear_gate
from .feature_maps import FeatureInfo, FeatureMaps
from .heads import normed_head, pooled_head
from .image_norms import IMAGE_NORMS
from .initialise import kaiming, normal_linear, zero_biases, zero_gamma
from .joints import JOINTS, SHORTCUT_KINDS, Joint
from .merges import MERGES, Add, BranchOnly, Concatenate, Gate, ScaledAdd, ShortcutGate, UncoupledGate
from .network import Network
from .orders import ORDERS, Order, arrange
from .shortcuts import (
    PREACTIVATION_SHORTCUTS,
    SHORTCUTS,
    PadShortcut,
    bare_option_b,
    option_a,
    option_b,
    option_c,
    option_d,
)
from .squeeze_excite import SqueezeExcite
from .stems import cifar_stem, clean_stem, deep_stem, imagenet_stem, pooled_first_stem
from .stochastic import DropPath, StochasticDepth, linear_decay, linear_decay_from_zero, stochastic_depth

__all__ = [
    "IMAGE_NORMS",
    "JOINTS",
    "MERGES",
    "ORDERS",
    "PREACTIVATION_SHORTCUTS",
    "SHORTCUTS",
    "SHORTCUT_KINDS",
    "Add",
    "Block",
    "BranchOnly",
    "Concatenate",
    "DropPath",
    "FeatureInfo",
    "FeatureMaps",
    "Gate",
    "Joint",
    "Network",
    "Order",
    "PadShortcut",
    "ScaledAdd",
    "ShortcutGate",
    "SqueezeExcite",
    "StochasticDepth",
    "UncoupledGate",
    "arrange",
    "bare_option_b",
    "basic_branch",
    "bottleneck_branch",
    "bottleneck_v1_branch",
    "cifar_stem",
    "clean_stem",
    "conv_gate",
    "deep_stem",
    "imagenet_stem",
    "kaiming",
    "linear_decay",
    "linear_decay_from_zero",
    "linear_gate",
    "normal_linear",
    "normed_head",
    "option_a",
    "option_b",
    "option_c",
    "option_d",
    "pooled_first_stem",
    "pooled_head",
    "squeezed",
    "stochastic_depth",
    "zero_biases",
    "zero_gamma",
]
