"""The rows of each source's names; ``names`` explains the templates. Left: ours; right: theirs."""

from __future__ import annotations

from ..models.resnet import LAYOUTS as RESNETS
from ..models.resnet import STEM_WIDTH
from ..models.vgg import LAYOUTS as VGGS
from .names import NamePair, NamePairs

LAYERS: NamePairs = (
    ("stages.{s}.{b}.branch.conv{i}", "layer{s+1}.{b}.conv{i}"),
    ("stages.{s}.{b}.branch.norm{i}", "layer{s+1}.{b}.bn{i}"),
    ("stages.{s}.{b}.branch.se.fc{i}", "layer{s+1}.{b}.se.fc{i}"),
    ("stages.{s}.{b}.branch.se.conv", "layer{s+1}.{b}.se.conv"),
)
STEM: NamePairs = (("stem.conv", "conv1"), ("stem.norm", "bn1"))
DEEP_STEM: NamePairs = (
    ("stem.conv1", "conv1.0"),
    ("stem.norm1", "conv1.1"),
    ("stem.conv2", "conv1.3"),
    ("stem.norm2", "conv1.4"),
    ("stem.conv3", "conv1.6"),
    ("stem.norm3", "bn1"),
)


def projection(theirs: str, first: int) -> NamePairs:
    """Return the rows of a projection at position ``first`` of their sequence."""
    return (
        ("stages.{s}.{b}.shortcut.conv", f"layer{{s+1}}.{{b}}.{theirs}.{first}"),
        ("stages.{s}.{b}.shortcut.norm", f"layer{{s+1}}.{{b}}.{theirs}.{first + 1}"),
    )


def below(prefix: str, rows: NamePairs) -> NamePairs:
    """Return the rows with a prefix before their names."""
    return tuple((ours, prefix + theirs) for ours, theirs in rows)


TORCHVISION: NamePairs = (*STEM, *LAYERS, *projection("downsample", 0), ("head.fc", "fc"))
POOLED_SHORTCUT: NamePairs = (*STEM, *LAYERS, *projection("downsample", 1), ("head.fc", "fc"))
DEEP: NamePairs = (*DEEP_STEM, *LAYERS, *projection("downsample", 1), ("head.fc", "fc"))
CIFAR: NamePairs = (*STEM, *LAYERS, *projection("shortcut", 0), ("head.fc", "linear"))
MM: NamePairs = (*below("backbone.", (*STEM, *LAYERS, *projection("downsample", 0))), ("head.fc", "head.fc"))

# nn.Sequential(*resnet.children()): stem, norm, activation, pool, four stages, pool, classifier
CHILDREN: NamePairs = (
    ("stem.conv", "0"),
    ("stem.norm", "1"),
    *((ours, theirs.replace("layer{s+1}", "{s+4}")) for ours, theirs in (*LAYERS, *projection("downsample", 0))),
    ("head.fc", "9"),
)
# detectron2's backbones: norms stand inside their convolutions
DETECTRON2: NamePairs = (
    ("stem.conv", "stem.conv1"),
    ("stem.norm", "stem.conv1.norm"),
    ("stages.{s}.{b}.branch.conv{i}", "res{s+2}.{b}.conv{i}"),
    ("stages.{s}.{b}.branch.norm{i}", "res{s+2}.{b}.conv{i}.norm"),
    ("stages.{s}.{b}.shortcut.conv", "res{s+2}.{b}.shortcut"),
    ("stages.{s}.{b}.shortcut.norm", "res{s+2}.{b}.shortcut.norm"),
    ("head.fc", "linear"),
)
# weiaicunzai's ResNets for CIFAR-100
_BRANCH = "conv{s+2}_x.{b}.residual_function."


def weiaicunzai(convolutions: int) -> NamePairs:
    """Return the rows of networks whose branch is a sequence of convolutions, norms and activations."""
    return (
        ("stem.conv", "conv1.0"),
        ("stem.norm", "conv1.1"),
        *(
            (f"stages.{{s}}.{{b}}.branch.{kind}{number + 1}", f"{_BRANCH}{3 * number + place}")
            for number in range(convolutions)
            for place, kind in enumerate(("conv", "norm"))
        ),
        ("stages.{s}.{b}.shortcut.conv", "conv{s+2}_x.{b}.shortcut.0"),
        ("stages.{s}.{b}.shortcut.norm", "conv{s+2}_x.{b}.shortcut.1"),
        ("head.fc", "fc"),
    )


_THEIR_LAYER = "resnet.encoder.stages.{s}.layers.{b}."
HUGGINGFACE: NamePairs = (
    ("stem.conv", "resnet.embedder.embedder.convolution"),
    ("stem.norm", "resnet.embedder.embedder.normalization"),
    ("stages.{s}.{b}.branch.conv{i+1}", _THEIR_LAYER + "layer.{i}.convolution"),
    ("stages.{s}.{b}.branch.norm{i+1}", _THEIR_LAYER + "layer.{i}.normalization"),
    ("stages.{s}.{b}.shortcut.conv", _THEIR_LAYER + "shortcut.convolution"),
    ("stages.{s}.{b}.shortcut.norm", _THEIR_LAYER + "shortcut.normalization"),
    ("head.fc", "classifier.1"),
)
HUGGINGFACE_BARE: NamePairs = tuple((ours, theirs.removeprefix("resnet.")) for ours, theirs in HUGGINGFACE)


def densenet(dot: str = "") -> NamePairs:
    """Return torchvision's rows; its oldest files, still published, have a dot before the layers' numbers."""
    return (
        ("stem.conv", "features.conv0"),
        ("stem.norm", "features.norm0"),
        ("stages.0.{b}.branch.norm{i}", f"features.denseblock1.denselayer{{b+1}}.norm{dot}{{i}}"),
        ("stages.0.{b}.branch.conv{i}", f"features.denseblock1.denselayer{{b+1}}.conv{dot}{{i}}"),
        ("stages.{s}.0.branch.norm1", "features.transition{s}.norm"),
        ("stages.{s}.0.branch.conv1", "features.transition{s}.conv"),
        ("stages.{s}.{b}.branch.norm{i}", f"features.denseblock{{s+1}}.denselayer{{b}}.norm{dot}{{i}}"),
        ("stages.{s}.{b}.branch.conv{i}", f"features.denseblock{{s+1}}.denselayer{{b}}.conv{dot}{{i}}"),
        ("head.norm", "features.norm5"),
        ("head.fc", "classifier"),
    )


ALEXNET: NamePairs = (
    ("stem.conv", "features.0"),
    ("stages.0.0.branch.conv", "features.3"),
    ("stages.1.1.branch.conv", "features.6"),
    ("stages.1.2.branch.conv", "features.8"),
    ("stages.1.3.branch.conv", "features.10"),
    ("head.fc1", "classifier.1"),
    ("head.fc2", "classifier.4"),
    ("head.fc", "classifier.6"),
)

VGG_HEAD: NamePairs = (("head.fc1", "classifier.0"), ("head.fc2", "classifier.3"), ("head.fc", "classifier.6"))
TIMM_VGG_HEAD: NamePairs = (
    ("head.fc1", "pre_logits.fc1"),
    ("head.fc2", "pre_logits.fc2"),
    ("head.fc", "head.fc"),
)


def vgg(depth: int, normed: bool, head: NamePairs) -> NamePairs:
    """Return the rows of one depth; the source numbers convolutions, norms, activations and pools in one sequence."""
    rows: list[NamePair] = []
    position = 0
    for stage, count in enumerate(VGGS[depth]):
        for block in range(count):
            ours = f"stages.{stage}.{block + (stage > 0)}.branch"
            rows.append((f"{ours}.conv", f"features.{position}"))
            if normed:
                rows.append((f"{ours}.norm", f"features.{position + 1}"))
            position += 3 if normed else 2
        position += 1  # the pooling
    return (*rows, *head)


def preact(depth: int) -> NamePairs:
    """Return timm's rows of one depth.

    The norm before a stage's first convolution belongs to that stage in timm, to the end of the previous stage here.
    """
    _, blocks, widths = RESNETS[depth]
    behind = [f"stages.{stage}.{count - 1}.activation.norm" for stage, count in enumerate(blocks)]
    projects = widths[0] != STEM_WIDTH
    return (
        ("stem.conv", "stem.conv"),
        *((("stem.norm", "stages.0.blocks.0.norm1"),) if projects else ()),
        *((norm, f"stages.{stage + 1}.blocks.0.norm1") for stage, norm in enumerate(behind[:-1])),
        (behind[-1], "norm"),
        ("stages.{s}.{b}.branch.norm{i}", "stages.{s}.blocks.{b}.norm{i}"),
        ("stages.{s}.{b}.branch.conv{i}", "stages.{s}.blocks.{b}.conv{i}"),
        ("stages.{s}.{b}.shortcut.conv", "stages.{s}.blocks.{b}.downsample.conv"),
        ("head.fc", "head.fc"),
    )


def cifar_preact(depth: int) -> NamePairs:
    """Return kuangliu's rows of one depth: as timm's ``preact``, without a norm at the end."""
    _, blocks, widths = RESNETS[depth]
    behind = [f"stages.{stage}.{count - 1}.activation.norm" for stage, count in enumerate(blocks)]
    projects = widths[0] != STEM_WIDTH
    return (
        ("stem.conv", "conv1"),
        *((("stem.norm", "layer1.0.bn1"),) if projects else ()),
        *((norm, f"layer{stage + 2}.0.bn1") for stage, norm in enumerate(behind[:-1])),
        *LAYERS,
        ("stages.{s}.{b}.shortcut.conv", "layer{s+1}.{b}.shortcut.0"),
        ("head.fc", "linear"),
    )


def huggingface_bit(depth: int) -> NamePairs:
    """Return transformers' rows of BiT at one depth."""
    swap = {"stem.conv": "bit.embedder.convolution", "norm": "bit.norm", "head.fc": "classifier.1"}
    return tuple((ours, swap.get(theirs) or _bit(theirs)) for ours, theirs in preact(depth))


def _bit(theirs: str) -> str:
    return theirs.replace("stages.", "bit.encoder.stages.").replace(".blocks.", ".layers.")
