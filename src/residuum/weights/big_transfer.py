"""Google's names of BiT's tensors (``resnet/block1/unit01/a/standardized_conv2d/kernel``), as its .npz files have them.

They correspond to timm's: a kernel has the shape [height, width, in, out], a norm has gamma and beta.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

ROOT = "root_block/standardized_conv2d/kernel"
LETTERS = {"a": 1, "b": 2, "c": 3}
LEAVES = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}

_UNIT = re.compile(r"block(\d)/unit(\d{1,4})/([abc])/(?:(proj)/)?(standardized_conv2d|group_norm)/(kernel|gamma|beta)")
_ENDS = {"root_block/standardized_conv2d": "stem.conv", "group_norm": "norm", "head/conv2d": "head.fc"}


def by_timms_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return BiT's tensors under timm's names and in timm's shapes; return other files' tensors unchanged."""
    root = next((name for name in tensors if name.endswith(ROOT)), None)
    if root is None:
        return dict(tensors)
    prefix = root.removesuffix(ROOT)
    return {_name(name.removeprefix(prefix)): _turned(name, value) for name, value in tensors.items()}


def _name(theirs: str) -> str:
    path, _, leaf = theirs.rpartition("/")
    if path in _ENDS:
        return f"{_ENDS[path]}.{LEAVES.get(leaf, leaf)}"
    if (found := _UNIT.fullmatch(theirs)) is None:
        return theirs  # reported later as unexpected
    stage, block, letter, projection, kind, leaf = found.groups()
    part = "conv" if kind == "standardized_conv2d" else "norm"
    layer = f"downsample.{part}" if projection else f"{part}{LETTERS[letter]}"
    return f"stages.{int(stage) - 1}.blocks.{int(block) - 1}.{layer}.{LEAVES[leaf]}"


def _turned(name: str, value: Tensor) -> Tensor:
    return value.permute(3, 2, 0, 1).contiguous() if name.endswith("/kernel") and value.ndim == 4 else value
