"""Architecture names in and beside weights files: which network each names, and whether the tensors match it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..models import VARIANTS, Description
from .fit import shapes_of
from .layout import Shapes, read_layout
from .sources import full_arguments, takes_small_images
from .transformer_config import transformer_config


@dataclass(frozen=True)
class Named:
    """An architecture's name and where it stands."""

    name: str
    where: str  # as messages write it: 'config.json, "architecture"'
    exact: bool  # True where only published names stand; a checkpoint's entry may hold any word


# timm numbers RegNets by their multiply-adds; names with torchvision's rounding end in _tv where it differs.
REGNETS = {
    **{f"regnet{kind}_{number}": f"regnet_{kind}_{size}"
       for kind in "xy"
       for number, size in (("002", "200mf"), ("004", "400mf"), ("006", "600mf"), ("008", "800mf"), ("016", "1_6gf"),
                            ("032", "3_2gf"), ("040", "4gf"), ("064", "6_4gf"), ("080", "8gf"), ("120", "12gf"),
                            ("160", "16gf"), ("320", "32gf"))},
    **{name: f"regnet_{size}_paper"
       for name, size in (("regnetx_004", "x_400mf"), ("regnety_008", "y_800mf"), ("regnety_080", "y_8gf"))},
    "regnetx_004_tv": "regnet_x_400mf",
    "regnety_008_tv": "regnet_y_800mf",
    "regnety_080_tv": "regnet_y_8gf",
}  # fmt: skip

# Published names of networks that have another name here; any other name is a variant's name or unknown.
# timm's former names are those of ``timm.models._registry`` (1.0), where they name the same tensors.
KNOWN_AS = {
    **{f"resnetv2_{depth}": f"preact_resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{
        f"resnetv2_{depth}x{widen}_bit{old}": f"bit_resnet{depth}x{widen}"
        for depth, widen in ((50, 1), (50, 3), (101, 1), (101, 3), (152, 2), (152, 4))
        for old in ("", "m")
    },
    **{f"tv_resnet{depth}": f"resnet{depth}" for depth in (34, 50, 101, 152)},
    **{f"{source}_resnet{depth}": f"resnet{depth}" for source in ("ssl", "swsl") for depth in (18, 50)},
    **{f"gluon_resnet{depth}_v1b": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"gluon_resnet{depth}_v1d": f"resnet{depth}d" for depth in (50, 101, 152)},
    **{f"{source}_resnext50_32x4d": "resnext50_32x4d" for source in ("tv", "gluon", "ssl", "swsl")},
    **{f"{source}_resnext101_32x4d": "resnext101_32x4d" for source in ("gluon", "ssl", "swsl")},
    **{f"{source}_resnext101_32x8d": "resnext101_32x8d" for source in ("ig", "ssl", "swsl")},
    "gluon_resnext101_64x4d": "resnext101_64x4d",
    **{f"gluon_seresnext{depth}_32x4d": f"seresnext{depth}_32x4d" for depth in (50, 101)},
    "tv_densenet121": "densenet121",
    **{f"tf_efficientnet_lite{size}": f"efficientnet_lite{size}" for size in range(5)},
    **{f"tf_efficientnet_b{size}{old}": f"efficientnet_b{size}" for size in range(5) for old in ("", "_ap", "_ns")},
    **{f"mobilenetv2_{width}": "mobilenet_v2" for width in ("035", "050", "075", "100", "140")},
    **{
        f"{source}mobilenetv3_{size}_100": f"mobilenet_v3_{size}"
        for source in ("", "tf_")
        for size in ("small", "large")
    },
    **REGNETS,
}

# Vision transformers by the size in their names: layers, features, heads (arXiv:2010.11929 table 1 and
# arXiv:2012.12877 table 1). The position embedding determines the image size, whatever the name says.
TRANSFORMERS = {
    "tiny": {"depth": 12, "width": 192, "heads": 3},
    "small": {"depth": 12, "width": 384, "heads": 6},
    "base": {"depth": 12, "width": 768, "heads": 12},
    "large": {"depth": 24, "width": 1024, "heads": 16},
    "huge": {"depth": 32, "width": 1280, "heads": 16},
}
# timm's and Hugging Face's vit_base_patch16_224, torchvision's vit_b_16, DINO's dino_vitb16, Google's ViT-B/16
TRANSFORMER = re.compile(
    r"(?:vit|deit|dino_vit|dino_deit)_?(tiny|ti|small|s|base|b|large|l|huge|h)_?(?:patch)?(\d+)"
    r"(?:_\d{3})?(?:_(?:in21k|dino|sam))*"
)

# Words in the names of networks that are not built here, though their tensors may have the shapes of one that is.
OTHERS = re.compile(
    r"resne(t|xt)(aa|blur|rs)|(eca|sk|gc|csp|lambda_)(se)?resne|resnest|res2ne|tresnet|rexnet|halonet|botnet|"
    r"_(gn|evo[bs]|frn|ibn|ibn_[ab])$"
)

# Variants whose tensors' names and shapes other published networks share (timm 1.0, benchmarks/timm_names.py --bare).
SAME_SHAPES: dict[str, tuple[str, ...]] = {
    "resnet18": ("resnetblur18",),
    "resnet50": ("resnetaa50", "resnetblur50"),
    "resnet34d": ("resnetaa34d",),
    "resnet50d": ("resnetaa50d", "resnetblur50d"),
    "resnet101d": ("resnetaa101d", "resnetblur101d"),
}

# Per Hugging Face model type: the values the configuration must have to match the networks here. A key may be absent.
FIXED: dict[str, dict[str, Any]] = {
    "resnet": {"hidden_act": "relu", "downsample_in_first_stage": False},
    "vit": {"hidden_act": "gelu"},
    "deit": {"hidden_act": "gelu"},
    "bit": {
        "layer_type": "preactivation",
        "hidden_act": "relu",
        "global_padding": None,
        "embedding_dynamic_padding": False,
        "num_groups": 32,
        "output_stride": 32,
    },
}
# Keys whose values follow from the tensors.
HELD: dict[str, tuple[str, ...]] = {
    "resnet": ("depths", "hidden_sizes", "layer_type"),
    "vit": ("hidden_size", "num_hidden_layers", "intermediate_size", "patch_size", "image_size", "num_channels"),
    "bert": ("hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size", "max_position_embeddings"),
    "gpt2": ("n_embd", "n_layer", "vocab_size", "n_positions"),
}


# Hugging Face's names of the transformers here; related models have tensors of the same names but compute differently.
TYPES = {"bert": ("bert",), "bert_words": ("bert",), "gpt": ("gpt2",), "vit": ("vit", "deit")}

# Where checkpoints name their architecture: the entry itself, or one of the run's arguments.
ENTRIES = ("arch", "architecture", "model_name", "backbone", "model", "net")
HOLDERS = ("args", "hyper_parameters", "hparams", "config", "cfg", "opt")


def named_in(content: Mapping[Any, Any]) -> Named | None:
    """Return the architecture that a checkpoint's entries name, or None."""
    for holder in ("", *HOLDERS):
        held = content.get(holder) if holder else content
        values = held if isinstance(held, Mapping) else getattr(held, "state", {})
        for key in ENTRIES:
            if isinstance(values.get(key), str) and values[key].strip():
                place = f"{holder}.{key}" if holder else key
                return Named(values[key].strip()[:80], f'the entry "{place}"', exact=False)
    return None


def published(name: str) -> tuple[str, dict[str, Any]] | None:
    """Return the variant of a published name (``timm/resnet50.a1_in1k``) or a builder with its arguments, or None."""
    plain = plain_name(name)
    if plain in KNOWN_AS or plain in VARIANTS:
        return KNOWN_AS.get(plain, plain), {}
    if found := TRANSFORMER.fullmatch(plain):
        size = next(row for word, row in TRANSFORMERS.items() if word.startswith(found[1]))
        return "vit", {**size, "patch_size": int(found[2])}
    return None


def plain_name(name: str) -> str:
    """Return a name without its owner and its tag, in small letters."""
    plain = re.sub(r"/(?=\d+$)", "_", name.strip().lower()).replace("-", "_")  # ViT-B/16's slash marks no owner
    return plain.rpartition("/")[2].partition(".")[0]


def check_named(named: Named, description: Description) -> str:
    """Check a recognised model against the name in its file; return the assumption that remains.

    Raises:
        InputError: the name of another network, or of one that is not built here.
    """
    model, called = description.model, published(named.name)
    if (called and _is(description, *called)) or model == f"cifar_{plain_name(named.name)}":
        return ""
    if called and not named.exact and takes_small_images(model):  # resnet18 also names its twin for small images
        return f"{model}, though {named.where} says {named.name!r}"
    if not (called or named.exact or OTHERS.search(plain_name(named.name))):
        return f"plain {model}, as {named.where} says {named.name!r}, which is no network known here"
    if called:
        raise InputError(f"{named.where} names {named.name!r}, but its tensors are of {model}; {_remedy(named)}")
    raise InputError(
        f"{named.where} names {named.name!r}, which is not built here: its tensors would load as {model} and answer "
        f"otherwise; {_remedy(named)}"
    )


def _is(description: Description, name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether the model is that variant, or what that builder makes with these arguments."""
    if name in VARIANTS:
        return description.model == name
    builder, full = full_arguments(description.model, description.arguments)
    return builder.__name__ == name and all(full.get(key) == value for key, value in arguments.items())


def _remedy(named: Named) -> str:
    return f"load it with the library that wrote it, or correct {named.where} if that is wrong"


def unnamed(model: str, dialect: str) -> str:
    """Return the assumption for a file that names no architecture, where other networks have the same tensors."""
    if model not in SAME_SHAPES or dialect.partition("_")[0] not in ("torchvision", "timm"):
        return ""
    return f"plain {model}, as nothing names an architecture (same shapes: {' and '.join(SAME_SHAPES[model])})"


def check_configuration(config: Mapping[str, Any], description: Description, tensors: Mapping[str, Tensor]) -> None:
    """Check Hugging Face's ``config.json`` against the recognised network.

    Args:
        config: the file's content.
        description: of the recognised model.
        tensors: by the grammar's names.

    Raises:
        InputError: a key whose value makes another network.
    """
    kind = str(config.get("model_type", ""))
    row = VARIANTS.get(description.model)
    known = TYPES.get(row.builder.__name__ if row is not None else description.model)
    if kind and known and kind not in known:
        raise InputError(
            f'config.json says "model_type" is {kind!r}, but {description.model} of these tensors is '
            f"{' or '.join(known)}; load it with transformers"
        )
    shown = _residual(shapes_of(tensors)) if kind == "resnet" else transformer_config(description, tensors) or {}
    held = {key: value for key, value in shown.items() if key in HELD.get(kind, ())}
    for key, value in {**FIXED.get(kind, {}), **held}.items():
        said = config.get(key, value)
        if said != value and said != [value, value]:  # one side, or height and width
            raise InputError(
                f'config.json says "{key}" is {said!r}, but {description.model} of these tensors has {value!r}; '
                "load it with transformers"
            )


def _residual(shapes: Shapes) -> dict[str, Any]:
    """Return the values of a ResNetConfig for these tensors."""
    layout = read_layout(shapes)
    if layout is None:
        return {}
    kind = {2: "basic", 3: "bottleneck"}.get(layout.convolutions, "")
    return {"depths": list(layout.blocks), "hidden_sizes": list(layout.widths), "layer_type": kind}
