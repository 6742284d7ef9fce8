"""Each source's names of the grammar's parts: literal tables, which ``names`` reads in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..models.efficientnet import LITE_SCALES
from ..models.mobilenet_v3 import SIZES as MOBILENETS
from ..models.resnet import LAYOUTS as RESNETS
from ..models.resnet import STEM_WIDTH
from ..models.vgg import LAYOUTS as VGGS
from . import convnet_rows, mobile_rows, rows, transformers_images, transformers_text
from .layout import STEMS
from .names import NamePairs, tensor_to_grammar, tensor_to_source, to_grammar, to_source
from .stacked import Naming, Translated, to_ours

# Wrappers that training frameworks put before every name, for files whose network is not known.
WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")

# Prefixes of averaged copies that stand beside the weights.
EMA_PREFIXES = ("ema_model.", "model_ema.", "averaged_model.", "ema.")

# Entries that count training steps and do not belong to the model.
BOOKKEEPING = ("n_averaged", "initted", "step")


@dataclass(frozen=True)
class Dialect:
    """One source's names."""

    rows: NamePairs
    title: str  # in messages
    flattened: dict[str, tuple[int, int]] = field(default_factory=dict)  # our tensors with two more dimensions there
    naming: Naming | None = None  # of transformers, in place of rows
    arguments: dict[str, Any] = field(default_factory=dict)  # builder's, where the source's default differs
    tensors: NamePairs = ()  # whole names, for tensors without a module there
    builders: tuple[str, ...] = ()  # the only builders with these names; empty: any that the rows fit

    @property
    def anchors(self) -> tuple[str, ...]:
        """The source's name of the first layer, which locates a network among other names."""
        if self.naming is not None:
            return (self.naming.anchor,)
        if not self.rows:
            return tuple(name.removesuffix(".weight") for name in STEMS)
        first = dict(reversed(self.rows))
        return next(((first[ours],) for ours in FIRST if ours in first), ())


DIALECTS: dict[str, Dialect] = {
    "residuum": Dialect((), "Residuum"),
    "torchvision": Dialect(rows.TORCHVISION, "torchvision (and timm)"),
    "timm_deep": Dialect(rows.DEEP, "timm's ResNet-D"),
    "timm_pooled": Dialect(rows.POOLED_SHORTCUT, "timm (pooled shortcuts)"),
    "huggingface": Dialect(rows.HUGGINGFACE, "Hugging Face"),
    "mm": Dialect(rows.MM, "OpenMMLab"),
    "children": Dialect(rows.CHILDREN, "torchvision's layers by number"),
    "huggingface_bare": Dialect(rows.HUGGINGFACE_BARE, "Hugging Face"),
    "detectron2": Dialect(rows.DETECTRON2, "detectron2"),
    "weiaicunzai2": Dialect(rows.weiaicunzai(2), "weiaicunzai's CIFAR-100 ResNets"),
    "weiaicunzai3": Dialect(rows.weiaicunzai(3), "weiaicunzai's CIFAR-100 ResNets"),
    "huggingface_bert": Dialect((), "Hugging Face", naming=transformers_text.BERT),
    "huggingface_gpt2": Dialect((), "Hugging Face", naming=transformers_text.GPT2),
    "huggingface_vit": Dialect((), "Hugging Face", naming=transformers_images.HUGGINGFACE),
    "huggingface_vit5": Dialect((), "Hugging Face", naming=transformers_images.HUGGINGFACE_5),
    "timm_vit": Dialect((), "timm", naming=transformers_images.TIMM),
    "torchvision_vit": Dialect((), "torchvision", naming=transformers_images.TORCHVISION),
    "cifar": Dialect(rows.CIFAR, "the published CIFAR ResNets"),
    "torchvision_densenet": Dialect(rows.densenet(), "torchvision (and timm)"),
    "torchvision_densenet_old": Dialect(rows.densenet("."), "torchvision's first DenseNets"),
    "torchvision_alexnet": Dialect(rows.ALEXNET, "torchvision"),
    **{
        f"torchvision_vgg{depth}{bn}": Dialect(rows.vgg(depth, bn != "", rows.VGG_HEAD), "torchvision")
        for depth in VGGS
        for bn in ("", "_bn")
    },
    **{
        f"timm_vgg{depth}{bn}": Dialect(
            rows.vgg(depth, bn != "", rows.TIMM_VGG_HEAD),
            "timm",
            {"head.fc1.weight": (7, 7), "head.fc2.weight": (1, 1)},
        )
        for depth in VGGS
        for bn in ("", "_bn")
    },
    "torchvision_efficientnet": Dialect(
        mobile_rows.TORCHVISION_EFFICIENTNET, "torchvision", builders=("efficientnet",)
    ),
    "timm_efficientnet": Dialect(
        mobile_rows.TIMM_EFFICIENTNET, "timm", builders=("efficientnet", "efficientnet_lite", "mobilenet_v2")
    ),
    "torchvision_mobilenet_v2": Dialect(
        mobile_rows.torchvision_mobilenet_v2(), "torchvision", builders=("mobilenet_v2",)
    ),
    **{
        f"torchvision_mobilenet_v3_{size}": Dialect(
            mobile_rows.torchvision_mobilenet_v3(size), "torchvision", builders=("mobilenet_v3",)
        )
        for size in MOBILENETS
    },
    **{
        f"timm_mobilenet_v3_{size}": Dialect(
            mobile_rows.timm_mobilenet_v3(size),
            "timm",
            {"head.fc1.weight": (1, 1)},
            arguments={"norm_eps": 1e-5},
            builders=("mobilenet_v3",),
        )
        for size in MOBILENETS
    },
    "torchvision_regnet": Dialect(convnet_rows.TORCHVISION_REGNET, "torchvision", builders=("regnet_x", "regnet_y")),
    "timm_regnet": Dialect(convnet_rows.TIMM_REGNET, "timm", builders=("regnet_x", "regnet_y")),
    "torchvision_convnext": Dialect(
        convnet_rows.TORCHVISION_CONVNEXT,
        "torchvision",
        convnet_rows.TORCHVISION_SHAPES,
        tensors=convnet_rows.TORCHVISION_SCALES,
        builders=("convnext",),
    ),
    "timm_convnext": Dialect(
        convnet_rows.TIMM_CONVNEXT, "timm", tensors=convnet_rows.TIMM_SCALES, builders=("convnext",)
    ),
    **{f"efficientnet_{size}": Dialect(mobile_rows.lite(size), "EfficientNet-Lite") for size in LITE_SCALES},
    **{f"timm_preact{depth}": Dialect(rows.preact(depth), "timm", {"head.fc.weight": (1, 1)}) for depth in RESNETS},
    **{
        f"cifar_preact{depth}": Dialect(rows.cifar_preact(depth), "kuangliu's pre-activation ResNets")
        for depth in (18, 34, 50, 101, 152)
    },
    **{
        f"huggingface_bit{depth}": Dialect(rows.huggingface_bit(depth), "Hugging Face")
        for depth, (_, _, widths) in RESNETS.items()
        if widths[0] != STEM_WIDTH
    },
}

HUGGING_FACE = ("huggingface", "huggingface_vit", "huggingface_bert", "huggingface_gpt2")

# Targets of a conversion: the dialects to try, in order; only the builder's dialects, where it has any.
TARGETS = {
    "torchvision": ("torchvision", *(name for name in DIALECTS if name.startswith("torchvision_"))),
    "timm": (
        "torchvision",
        "torchvision_densenet",
        *(name for name in DIALECTS if name.startswith("timm_")),
    ),
    "huggingface": HUGGING_FACE,
    "transformers": HUGGING_FACE,
    "safetensors": ("residuum",),
}

# The grammar's first layer of images, where a source's table has it: a network without a stem begins with a block.
FIRST = ("stem.conv", "stem.conv1", "stages.0.0.branch.conv")

_GRAMMAR = ("stem.", "stages.", "head.")


def unwrap(names: Iterable[str]) -> str:
    """Return the wrapper prefix (of one wrapper, several, or none) that most of the names share."""
    names, prefix = list(names), ""
    while names:
        wrapped = {word: [name for name in names if name.startswith(word)] for word in WRAPPERS}
        word = max(wrapped, key=lambda word: len(wrapped[word]))
        if len(wrapped[word]) * 2 <= len(names):
            break
        prefix += word
        names = [name.removeprefix(word) for name in wrapped[word]]
    return prefix


def translate(dialect: str, name: str) -> str | None:
    """Return the grammar's name of a source's name, or None where the source's table has none."""
    if DIALECTS[dialect].naming is not None:
        return None  # whole states only: see ``stacked``
    if not DIALECTS[dialect].rows:
        return name if name.startswith(_GRAMMAR) else None
    return to_grammar(DIALECTS[dialect].rows, name) or tensor_to_grammar(DIALECTS[dialect].tensors, name)


def spell(dialect: str, name: str) -> str | None:
    """Return the source's name of a grammar's name, or None where the source's table has none."""
    if not DIALECTS[dialect].rows:
        return name
    return to_source(DIALECTS[dialect].rows, name) or tensor_to_source(DIALECTS[dialect].tensors, name)


def likely_dialects(names: Iterable[str]) -> list[str]:
    """Return the dialects that explain the most names: several where a name's meaning depends on the depth."""
    modules = {name.rpartition(".")[0] for name in names}
    explained = {
        dialect: sum(translate(dialect, f"{path}.weight") is not None for path in modules) for dialect in DIALECTS
    }
    return [dialect for dialect, count in explained.items() if count == max(explained.values())]


def to_grammar_names(dialect: str, tensors: Mapping[str, Tensor], prefix: str = "") -> Translated:
    """Return the tensors under ``prefix`` by the grammar's names and shapes, and the tensors without such a name.

    Raises:
        InputError: a transformer's output matrix that differs from its word embedding.
    """
    naming = DIALECTS[dialect].naming
    if naming is not None:
        return to_ours(naming, tensors, prefix)
    found = Translated({}, {}, {})
    for name, tensor in tensors.items():
        ours = translate(dialect, name.removeprefix(prefix)) if name.startswith(prefix) else None
        if ours is None or ours in found.tensors:
            found.left[name] = tensor
        else:
            flat = ours in DIALECTS[dialect].flattened and tensor.ndim > 2
            found.tensors[ours] = tensor.flatten(tensor.ndim - 3) if flat else tensor
            found.spelled[ours] = name
    return found


def to_source_shape(dialect: str, name: str, tensor: Tensor) -> Tensor:
    """Return the tensor of a grammar's name in the shape that the source gives it."""
    size = DIALECTS[dialect].flattened.get(name)
    return tensor if size is None else tensor.reshape(*tensor.shape[:-1], -1, *size)
