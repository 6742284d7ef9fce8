"""Compiled kernels, each beside its plain reference; models never import this room."""

from .fuse import fuse, is_fused, unfuse
from .winograd import use_winograd, without_winograd

__all__ = ["fuse", "is_fused", "unfuse", "use_winograd", "without_winograd"]
