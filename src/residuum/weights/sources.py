"""Conventions of a source that its files do not state: preprocessing and class names. The caller can override each.

The network decides first: a network for small images, or for one size only, gets that size, whatever
library named its tensors. The source's convention comes second.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..models import BUILDERS, VARIANTS, Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

SMALL = 64  # pixels; a family of this size or below takes small images, which are not cropped


LITE_MEAN = (127 / 255,) * 3  # EfficientNet-Lite: (x - 127) / 128 for x of 0..255
LITE_STD = (128 / 255,) * 3

# model or source:model: size, and shorter side before the centre crop, where they differ from the source's usual
SIZES = {
    "efficientnet_b0": (224, 256),
    "efficientnet_b1": (240, 255),
    "efficientnet_b2": (288, 288),
    "efficientnet_b3": (300, 320),
    "efficientnet_b4": (380, 384),
    "torchvision:convnext_tiny": (224, 236),
    "torchvision:convnext_small": (224, 230),
    "torchvision:convnext_base": (224, 232),
    "efficientnet_lite0": (224, 256),
    "efficientnet_lite1": (240, 272),
    "efficientnet_lite2": (260, 292),
    "efficientnet_lite3": (280, 312),
    "efficientnet_lite4": (300, 332),
}


@dataclass(frozen=True)
class Usual:
    """One source's usual preprocessing."""

    size: int  # pixels, height and width
    resize: int  # shorter side before the centre crop
    why: str
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bilinear"


USUAL = {
    "torchvision": Usual(224, 256, "torchvision's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "timm": Usual(224, 256, "timm's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "huggingface": Usual(224, 256, "Hugging Face's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "mm": Usual(224, 256, "OpenMMLab's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "efficientnet": Usual(224, 256, "EfficientNet-Lite's", LITE_MEAN, LITE_STD, "bicubic"),  # each size has its own
    "cifar": Usual(32, 0, "the published CIFAR ResNets': 32 pixels, ImageNet mean and std"),
}

# BiT fine-tuned on ImageNet-1k by its authors, with timm's preprocessing.
BIT = Usual(448, 448, "BiT's: shorter side 448, centre crop 448, mean and std 0.5", HALF, HALF)

# Networks for small images, by the number of classes: the data sets with that number. The deviations come from the
# published CIFAR networks (chenyaofo/pytorch-cifar-models, kuangliu/pytorch-cifar), a mean over single images.
SMALL_SETS = {
    10: ("CIFAR-10's", 32, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    100: ("CIFAR-100's", 32, (0.5070, 0.4865, 0.4409), (0.2673, 0.2564, 0.2761)),
    200: ("ImageNet's, as for Tiny ImageNet:", 64, IMAGENET_MEAN, IMAGENET_STD),
}

SAME_AS = {"children": "torchvision"}  # its layers by number

# Of vision transformers, by source and size of the images: the shorter side before the crop (0: stretched), mean and
# std, interpolation. Sizes other than 224 belong to weights fine-tuned without a margin (torchvision's SWAG,
# timm's 384).
TRANSFORMERS = {
    ("torchvision", 224): (256, IMAGENET_MEAN, IMAGENET_STD, "bilinear"),
    ("timm", 224): (248, HALF, HALF, "bicubic"),
}


def usual(dialect: str, model: str, arguments: Mapping[str, Any]) -> Usual | None:
    """Return the usual preprocessing of a network under a source's names, or None for our own names.

    Args:
        dialect: whose names the tensors have.
        model: the recognised variant or builder.
        arguments: of the builder.
    """
    if dialect == "residuum":
        return None
    source = dialect.partition("_")[0]
    side = only_size(model, arguments)
    if side is not None:
        resize, mean, std, way = transformers(source, side)
        crop = f"shorter side {resize}, centre crop {side}" if resize else f"stretched to {side} pixels"
        why = f"usual for vision transformers by these names: {crop}, {way}, mean {mean[0]:g}, ..., std {std[0]:g}, ..."
        return Usual(side, resize, why, mean, std, way)
    if _builder(model).__name__ == "bit_resnet":
        return BIT
    if not takes_small_images(model):
        return of_its_size(SAME_AS.get(source, source), model)
    if _builder(model).__name__ == "cifar_resnet" and (dialect == "cifar" or arguments.get("shortcut", "A") == "A"):
        return USUAL["cifar"]  # only they have the padding shortcut, whatever their tensors' names
    title, size, mean, std = SMALL_SETS.get(arguments.get("num_classes", 10), SMALL_SETS[10])
    why = f"a network for small images ({model}) takes it: {size} pixels, no resize and crop, {title} mean and std"
    return Usual(size, 0, why, mean, std)


def of_its_size(source: str, model: str) -> Usual | None:
    """Return a source's usual preprocessing for large images, at the model's size there."""
    known, sizes = USUAL.get(source), SIZES.get(f"{source}:{model}") or SIZES.get(model)
    if known is None or sizes is None:
        return known
    size, resize = sizes
    crop = f"shorter side {resize}, centre crop {size}"
    if model.startswith("efficientnet_lite"):
        return Usual(size, resize, f"EfficientNet-Lite's: {crop}, (x - 127) / 128", LITE_MEAN, LITE_STD, "bicubic")
    way = "bicubic" if model.startswith("efficientnet") else known.interpolation
    why = f"{source}'s: {crop}, ImageNet mean and std"
    return replace(known, size=size, resize=resize, why=why, interpolation=way)


def transformers(source: str, side: int) -> tuple[int, tuple[float, ...], tuple[float, ...], str]:
    """Return the shorter side, mean, std and interpolation that are usual for vision transformers of that size."""
    if source not in ("torchvision", "timm"):
        return 0, HALF, HALF, "bilinear"
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if source == "torchvision" else (HALF, HALF)
    return TRANSFORMERS.get((source, side), (side, mean, std, "bicubic"))


def takes_small_images(model: str) -> bool:
    """Return whether the model's family is published for images of at most ``SMALL`` pixels."""
    builder = _builder(model)
    return any(0 < row.image_size <= SMALL for row in VARIANTS.values() if row.builder is builder)


def only_size(model: str, arguments: Mapping[str, Any]) -> int | None:
    """Return the height and width that a network's tensors fix, or None where it takes images of any size."""
    if "image_size" not in inspect.signature(_builder(model)).parameters:
        return None
    return full_arguments(model, arguments)[1]["image_size"]


def full_arguments(model: str, arguments: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a model's builder and all its arguments: the builder's defaults, the variant's, then these."""
    builder = _builder(model)
    own = {key: parameter.default for key, parameter in inspect.signature(builder).parameters.items()}
    return builder, {**own, **(VARIANTS[model].arguments if model in VARIANTS else {}), **arguments}


def usual_preprocessing(known: Usual | None, in_chans: int) -> Preprocessing | None:
    """Return a source's usual preprocessing, or None for our own files or images that are not RGB."""
    if known is None or in_chans != 3:
        return None
    return Preprocessing((known.size, known.size), known.mean, known.std, known.resize, known.interpolation)


def usual_classes(dialect: str, model: str, num_classes: int) -> list[str]:
    """Return the class names implied by a source, or none where they are unknown."""
    if dialect == "residuum":
        return []
    if num_classes == 10 and takes_small_images(model):
        return list(CIFAR10_CLASSES)
    return imagenet_classes() if num_classes == 1000 else []


def imagenet_classes() -> list[str]:
    """Return the thousand names in the order of ILSVRC 2012, as torchvision's weights carry them."""
    from ..compat import import_torchvision

    return list(import_torchvision().models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def _builder(model: str) -> Any:
    return VARIANTS[model].builder if model in VARIANTS else BUILDERS[model]
