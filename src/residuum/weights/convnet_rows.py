"""The rows of RegNet and ConvNeXt; ``names`` explains the templates. Left: ours; right: theirs."""

from __future__ import annotations

from ..models.convnext import SIZES
from .names import NamePairs

TORCHVISION_REGNET: NamePairs = (
    ("stem.conv", "stem.0"),
    ("stem.norm", "stem.1"),
    *(
        (
            f"stages.{{s}}.{{b}}.branch.{kind}{number}",
            f"trunk_output.block{{s+1}}.block{{s+1}}-{{b}}.f.{letter}.{place}",
        )
        for number, letter in enumerate("abc", 1)
        for place, kind in enumerate(("conv", "norm"))
    ),
    ("stages.{s}.{b}.branch.se.fc{i}", "trunk_output.block{s+1}.block{s+1}-{b}.f.se.fc{i}"),
    ("stages.{s}.{b}.shortcut.conv", "trunk_output.block{s+1}.block{s+1}-{b}.proj.0"),
    ("stages.{s}.{b}.shortcut.norm", "trunk_output.block{s+1}.block{s+1}-{b}.proj.1"),
    ("head.fc", "fc"),
)

TIMM_REGNET: NamePairs = (
    ("stem.conv", "stem.conv"),
    ("stem.norm", "stem.bn"),
    ("stages.{s}.{b}.branch.conv{i}", "s{s+1}.b{b+1}.conv{i}.conv"),
    ("stages.{s}.{b}.branch.norm{i}", "s{s+1}.b{b+1}.conv{i}.bn"),
    ("stages.{s}.{b}.branch.se.fc{i}", "s{s+1}.b{b+1}.se.fc{i}"),
    ("stages.{s}.{b}.shortcut.conv", "s{s+1}.b{b+1}.downsample.conv"),
    ("stages.{s}.{b}.shortcut.norm", "s{s+1}.b{b+1}.downsample.bn"),
    ("head.fc", "head.fc"),
)

# positions of a branch's layers; after a stage's first block, which halves the size, our numbers are one higher
TORCHVISION_BRANCH = {"depthwise": "block.0", "norm": "block.2", "fc1": "block.3", "fc2": "block.5"}
TIMM_BRANCH = {"depthwise": "conv_dw", "norm": "norm", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}

TORCHVISION_CONVNEXT: NamePairs = (
    ("stem.conv", "features.0.0"),
    ("stem.norm", "features.0.1"),
    *((f"stages.0.{{b}}.branch.{ours}", f"features.1.{{b}}.{theirs}") for ours, theirs in TORCHVISION_BRANCH.items()),
    *(
        row
        for stage in (1, 2, 3)
        for row in (
            (f"stages.{stage}.0.branch.norm", f"features.{2 * stage}.0"),
            (f"stages.{stage}.0.branch.conv", f"features.{2 * stage}.1"),
            *(
                (f"stages.{stage}.{{b+1}}.branch.{ours}", f"features.{2 * stage + 1}.{{b}}.{theirs}")
                for ours, theirs in TORCHVISION_BRANCH.items()
            ),
        )
    ),
    ("head.norm", "classifier.0"),
    ("head.fc", "classifier.2"),
)

TIMM_CONVNEXT: NamePairs = (
    ("stem.conv", "stem.0"),
    ("stem.norm", "stem.1"),
    *((f"stages.0.{{b}}.branch.{ours}", f"stages.0.blocks.{{b}}.{theirs}") for ours, theirs in TIMM_BRANCH.items()),
    *(
        row
        for stage in (1, 2, 3)
        for row in (
            (f"stages.{stage}.0.branch.norm", f"stages.{stage}.downsample.0"),
            (f"stages.{stage}.0.branch.conv", f"stages.{stage}.downsample.1"),
            *(
                (f"stages.{stage}.{{b+1}}.branch.{ours}", f"stages.{stage}.blocks.{{b}}.{theirs}")
                for ours, theirs in TIMM_BRANCH.items()
            ),
        )
    ),
    ("head.norm", "head.norm"),
    ("head.fc", "head.fc"),
)

# the learnt scale is one tensor without a module there: whole names, not paths
TORCHVISION_SCALES: NamePairs = (
    ("stages.0.{b}.branch.scale.weight", "features.1.{b}.layer_scale"),
    *((f"stages.{s}.{{b+1}}.branch.scale.weight", f"features.{2 * s + 1}.{{b}}.layer_scale") for s in (1, 2, 3)),
)
TIMM_SCALES: NamePairs = (
    ("stages.0.{b}.branch.scale.weight", "stages.0.blocks.{b}.gamma"),
    *((f"stages.{s}.{{b+1}}.branch.scale.weight", f"stages.{s}.blocks.{{b}}.gamma") for s in (1, 2, 3)),
)
TORCHVISION_SHAPES = {
    f"stages.{stage}.{block + (stage > 0)}.branch.scale.weight": (1, 1)
    for stage in range(4)
    for block in range(max(size.blocks[stage] for size in SIZES.values()))
}
