"""The rows of networks of inverted residuals; ``names`` explains the templates. Left: ours; right: theirs."""

from __future__ import annotations

from collections.abc import Iterator

from ..models import mobilenet_v2, mobilenet_v3
from ..models.efficientnet import LITE_SCALES, lite_stages
from .names import NamePair, NamePairs

# timm: a branch without expansion numbers its norms from the depthwise convolution; only first stages have one
TIMM_BLOCKS: NamePairs = (
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
TIMM_EFFICIENTNET: NamePairs = (*TIMM_BLOCKS, ("head.conv", "conv_head"), ("head.norm", "bn2"))

TORCHVISION_EFFICIENTNET: NamePairs = (
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


def lite(size: str) -> NamePairs:
    """Return the reference's rows of one size of EfficientNet-Lite."""
    rows: list[NamePair] = [("stem.conv", "_conv_stem"), ("stem.norm", "_bn0")]
    for ours, number in in_a_row(tuple(stage.blocks for stage in lite_stages(LITE_SCALES[size]))):
        theirs = f"_blocks.{number}"
        rows += [(f"{ours}.expand", f"{theirs}._expand_conv"), (f"{ours}.norm1", f"{theirs}._bn0")]
        rows += [(f"{ours}.depthwise", f"{theirs}._depthwise_conv"), (f"{ours}.norm2", f"{theirs}._bn1")]
        rows += [(f"{ours}.project", f"{theirs}._project_conv"), (f"{ours}.norm3", f"{theirs}._bn2")]
    return (*rows, ("head.conv", "_conv_head"), ("head.norm", "_bn1"), ("head.fc", "_fc"))


def torchvision_mobilenet_v2() -> NamePairs:
    """Return torchvision's rows of MobileNetV2: blocks numbered through all stages, layers by the branch's content."""
    rows: list[NamePair] = [("stem.conv", "features.0.0"), ("stem.norm", "features.0.1")]
    for ours, number in in_a_row(tuple(stage.blocks for stage in mobilenet_v2.STAGES), 1):
        theirs, widens = f"features.{number}.conv", number > 1
        rows += [(f"{ours}.expand", f"{theirs}.0.0"), (f"{ours}.norm1", f"{theirs}.0.1")] if widens else []
        rows += [(f"{ours}.depthwise", f"{theirs}.{widens:d}.0"), (f"{ours}.norm2", f"{theirs}.{widens:d}.1")]
        rows += [(f"{ours}.project", f"{theirs}.{widens + 1}"), (f"{ours}.norm3", f"{theirs}.{widens + 2}")]
    return (*rows, ("head.conv", "features.18.0"), ("head.norm", "features.18.1"), ("head.fc", "classifier.1"))


def torchvision_mobilenet_v3(size: str) -> NamePairs:
    """Return torchvision's rows of one size of MobileNetV3: blocks numbered through all stages, layers by content."""
    table = mobilenet_v3.SIZES[size].stages
    rows: list[NamePair] = [("stem.conv", "features.0.0"), ("stem.norm", "features.0.1")]
    blocks = [row for stage in table for row in stage]
    width = mobilenet_v3.STEM_WIDTH
    for (ours, number), row in zip(in_a_row(tuple(map(len, table)), 1), blocks, strict=True):
        layers = ["expand"] if row.expanded != width else []
        layers += ["depthwise", *(["se"] if row.gated else []), "project"]
        norms = {"expand": "norm1", "depthwise": "norm2", "project": "norm3"}
        for place, layer in enumerate(layers):
            theirs = f"features.{number}.block.{place}"
            if layer == "se":
                rows.append((f"{ours}.se.fc{{i}}", f"{theirs}.fc{{i}}"))
            else:
                rows += [(f"{ours}.{layer}", f"{theirs}.0"), (f"{ours}.{norms[layer]}", f"{theirs}.1")]
        width = row.width
    last = f"features.{len(blocks) + 1}"
    rows += [("head.conv", f"{last}.0"), ("head.norm", f"{last}.1")]
    return (*rows, ("head.fc1", "classifier.0"), ("head.fc", "classifier.3"))


def timm_mobilenet_v3(size: str) -> NamePairs:
    """Return timm's rows of one size of MobileNetV3; timm counts the head's first convolution as one more stage."""
    table = mobilenet_v3.SIZES[size].stages
    last = f"blocks.{len(table)}.0"
    rows: list[NamePair] = [("head.conv", f"{last}.conv"), ("head.norm", f"{last}.bn1")]
    rows += [("head.fc1", "conv_head"), ("head.fc", "classifier"), ("stem.conv", "conv_stem"), ("stem.norm", "bn1")]
    for stage, row in enumerate(stage[0] for stage in table):
        ours, theirs = f"stages.{stage}.{{b}}.branch", f"blocks.{stage}.{{b}}"
        widens = row.expanded != mobilenet_v3.STEM_WIDTH
        rows += [(f"{ours}.expand", f"{theirs}.conv_pw")] if widens else []
        rows += [(f"{ours}.depthwise", f"{theirs}.conv_dw"), (f"{ours}.project", f"{theirs}.conv_pw{'l' * widens}")]
        first = 1 if widens else 2
        rows += [(f"{ours}.norm{number}", f"{theirs}.bn{number - first + 1}") for number in range(first, 4)]
        if row.gated:
            rows += [(f"{ours}.se.fc1", f"{theirs}.se.conv_reduce"), (f"{ours}.se.fc2", f"{theirs}.se.conv_expand")]
    return tuple(rows)
