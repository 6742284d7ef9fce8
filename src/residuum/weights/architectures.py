"""Names of architectures in and beside weights files: what they call, and whether the tensors are of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..models import VARIANTS
from .sources import takes_small_images


@dataclass(frozen=True)
class Named:
    """An architecture's name and where it stands."""

    name: str
    where: str  # as a message says it: 'config.json, "architecture"'
    exact: bool  # whether the place is for published names alone; a checkpoint's entry may hold anybody's word


# Published names of networks that are called otherwise here; every other name is that of a variant or of no network.
KNOWN_AS = {
    **{f"resnetv2_{depth}": f"preact_resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"tv_resnet{depth}": f"resnet{depth}" for depth in (34, 50, 101, 152)},
    "tv_resnext50_32x4d": "resnext50_32x4d",
    "tv_densenet121": "densenet121",
    "vit_tiny_patch16_224": "vit_tiny",
    "vit_small_patch16_224": "vit_small",
    "vit_base_patch16_224": "vit_base",
    "vit_large_patch16_224": "vit_large",
    "deit_tiny_patch16_224": "vit_tiny",
    "deit_small_patch16_224": "vit_small",
    "deit_base_patch16_224": "vit_base",
    "vit_b_16": "vit_base",
    "vit_l_16": "vit_large",
}

# Words in the names of networks that are not built here, though their tensors may have the shapes of one that is.
OTHERS = re.compile(
    r"resne(t|xt)(aa|blur|rs)|(eca|sk|gc|csp|lambda_)(se)?resne|resnest|res2ne|tresnet|regnet|rexnet|halonet|botnet|"
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

# Per type of Hugging Face: what the configuration must say, because the networks here do so. A key may be absent.
FIXED: dict[str, dict[str, Any]] = {
    "resnet": {"hidden_act": "relu", "downsample_in_first_stage": False},
    "vit": {"hidden_act": "gelu"},
    "deit": {"hidden_act": "gelu"},
}


# Where checkpoints say what they are of: the entry itself, or one of what the run was started with.
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


def published(name: str) -> str:
    """Return the variant of a published name (``timm/resnet50.a1_in1k``), or nothing."""
    plain = plain_name(name)
    return KNOWN_AS.get(plain, plain if plain in VARIANTS else "")


def plain_name(name: str) -> str:
    """Return a name without its owner and its tag, in small letters."""
    return name.strip().lower().replace("-", "_").rpartition("/")[2].partition(".")[0]


def check_named(named: Named, model: str) -> str:
    """Hold a recognised model against the name that its file gives; return what that leaves to assume.

    Raises:
        InputError: the name of another network, or of one that is not built here.
    """
    called = published(named.name)
    if model in (called, f"cifar_{plain_name(named.name)}"):
        return ""
    if called and not named.exact and takes_small_images(model):  # resnet18 is said of its twin for small images, too
        return f"{model}, though {named.where} says {named.name!r}"
    if not (called or named.exact or OTHERS.search(plain_name(named.name))):
        return f"plain {model}, as {named.where} says {named.name!r}, which is no network known here"
    if called:
        raise InputError(f"{named.where} names {named.name!r}, but its tensors are of {model}; {_remedy(named)}")
    raise InputError(
        f"{named.where} names {named.name!r}, which is not built here: its tensors would load as {model} and answer "
        f"otherwise; {_remedy(named)}"
    )


def _remedy(named: Named) -> str:
    return f"load it with the library that wrote it, or correct {named.where} if that is wrong"


def unnamed(model: str, dialect: str) -> str:
    """Return what is assumed of a file that names no architecture, where others have the same tensors."""
    if model not in SAME_SHAPES or dialect.partition("_")[0] not in ("torchvision", "timm"):
        return ""
    return f"plain {model}, as nothing names an architecture (same shapes: {' and '.join(SAME_SHAPES[model])})"


def check_configuration(config: Mapping[str, Any], model: str, layout: Mapping[str, Any]) -> None:
    """Hold Hugging Face's ``config.json`` against the recognised network.

    Args:
        config: what the file holds.
        model: the recognised one.
        layout: what the tensors show, by the configuration's keys.

    Raises:
        InputError: a key whose value makes another network.
    """
    fixed = FIXED.get(str(config.get("model_type", "")), {})
    for key, value in {**fixed, **(layout if config.get("model_type") == "resnet" else {})}.items():
        if config.get(key, value) != value:
            raise InputError(
                f'config.json says "{key}" is {config[key]!r}, but {model} of these tensors has {value!r}; '
                "load it with transformers"
            )
