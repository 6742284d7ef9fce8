"""The rows of networks of inverted residuals; see ``names`` for how a row reads. Left ours, right theirs."""

from __future__ import annotations

from collections.abc import Iterator

from ..models.efficientnet import LITE_SCALES, lite_stages
from .names import Row

Rows = tuple[Row, ...]

# timm: a branch that does not widen numbers its norms from the depthwise convolution on; only first stages have one
TIMM_BLOCKS: Rows = (
    ("stages.0.{b}.branch.depthwise", "blocks.0.{b}.conv_dw"),
    ("stages.0.{b}.branch.norm2", "blocks.0.{b}.bn1"),
    ("stages.0.{b}.branch.project", "blocks.0.{b}.conv_pw"),
    ("stages.0.{b}.branch.norm3", "blocks.0.{b}.bn2"),
    ("stages.{s}.{b}.branch.expand", "blocks.{s}.{b}.conv_pw"),
    ("stages.{s}.{b}.branch.norm{i}", "blocks.{s}.{b}.bn{i}"),
    ("stages.{s}.{b}.branch.depthwise", "blocks.{s}.{b}.conv_dw"),
    ("stages.{s}.{b}.branch.se.fc1", "blocks.{s}.{b}.se.conv_reduce"),
    ("stages.{s}.{b}.branch.se.fc2", "blocks.{s}.{b}.se.conv_expand"),
    ("stages.{s}.{b}.branch.project", "blocks.{s}.{b}.conv_pwl"),
    ("stem.conv", "conv_stem"),
    ("stem.norm", "bn1"),
    ("head.fc", "classifier"),
)
TIMM_EFFICIENTNET: Rows = (*TIMM_BLOCKS, ("head.conv", "conv_head"), ("head.norm", "bn2"))

TORCHVISION_EFFICIENTNET: Rows = (
    ("stem.conv", "features.0.0"),
    ("stem.norm", "features.0.1"),
    ("stages.0.{b}.branch.depthwise", "features.1.{b}.block.0.0"),
    ("stages.0.{b}.branch.norm2", "features.1.{b}.block.0.1"),
    ("stages.0.{b}.branch.se.fc{i}", "features.1.{b}.block.1.fc{i}"),
    ("stages.0.{b}.branch.project", "features.1.{b}.block.2.0"),
    ("stages.0.{b}.branch.norm3", "features.1.{b}.block.2.1"),
    ("stages.{s}.{b}.branch.expand", "features.{s+1}.{b}.block.0.0"),
    ("stages.{s}.{b}.branch.norm1", "features.{s+1}.{b}.block.0.1"),
    ("stages.{s}.{b}.branch.depthwise", "features.{s+1}.{b}.block.1.0"),
    ("stages.{s}.{b}.branch.norm2", "features.{s+1}.{b}.block.1.1"),
    ("stages.{s}.{b}.branch.se.fc{i}", "features.{s+1}.{b}.block.2.fc{i}"),
    ("stages.{s}.{b}.branch.project", "features.{s+1}.{b}.block.3.0"),
    ("stages.{s}.{b}.branch.norm3", "features.{s+1}.{b}.block.3.1"),
    ("head.conv", "features.8.0"),
    ("head.norm", "features.8.1"),
    ("head.fc", "classifier.1"),
)


def in_a_row(counts: tuple[int, ...], first: int = 0) -> Iterator[tuple[str, int]]:
    """Yield our block and its number where a source counts blocks through all stages."""
    number = first
    for stage, count in enumerate(counts):
        for block in range(count):
            yield f"stages.{stage}.{block}.branch", number
            number += 1


def lite(size: str) -> Rows:
    """Return the reference's rows of one size of EfficientNet-Lite."""
    rows: list[Row] = [("stem.conv", "_conv_stem"), ("stem.norm", "_bn0")]
    for ours, number in in_a_row(tuple(stage.blocks for stage in lite_stages(LITE_SCALES[size]))):
        theirs = f"_blocks.{number}"
        rows += [(f"{ours}.expand", f"{theirs}._expand_conv"), (f"{ours}.norm1", f"{theirs}._bn0")]
        rows += [(f"{ours}.depthwise", f"{theirs}._depthwise_conv"), (f"{ours}.norm2", f"{theirs}._bn1")]
        rows += [(f"{ours}.project", f"{theirs}._project_conv"), (f"{ours}.norm3", f"{theirs}._bn2")]
    return (*rows, ("head.conv", "_conv_head"), ("head.norm", "_bn1"), ("head.fc", "_fc"))
