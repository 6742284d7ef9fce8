"""What a source's files leave unsaid and everybody assumes: preprocessing and class names. Each is overridable.

The network decides first: one that is made for small images, or that takes one size only, is shown that size, whoever
named its tensors. Then the source's convention.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..models import BUILDERS, VARIANTS, Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

SMALL = 64  # pixels; a family of this size or below is made for small images, which are not cropped


@dataclass(frozen=True)
class Usual:
    """The usual of one source."""

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
    "cifar": Usual(32, 0, "the published CIFAR ResNets': 32 pixels, ImageNet mean and std"),
}

# Of BiT, fine-tuned by its authors on the thousand classes of ImageNet, as timm prepares images for it.
BIT = Usual(448, 448, "BiT's: shorter side 448, centre crop 448, mean and std 0.5", HALF, HALF)

# Of networks for small images, by the number of classes: the sets that have so many. The deviations are those of the
# published CIFAR networks (chenyaofo/pytorch-cifar-models, kuangliu/pytorch-cifar), a mean over single images.
SMALL_SETS = {
    10: ("CIFAR-10's", 32, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    100: ("CIFAR-100's", 32, (0.5070, 0.4865, 0.4409), (0.2673, 0.2564, 0.2761)),
    200: ("ImageNet's, as for Tiny ImageNet:", 64, IMAGENET_MEAN, IMAGENET_STD),
}

SAME_AS = {"children": "torchvision"}  # its layers by number

# Of vision transformers, by source and size of the images: the shorter side before the crop (0: stretched), mean and
# std, interpolation. Other sizes than 224 are those of weights that were tuned without a margin (torchvision's SWAG,
# timm's 384).
TRANSFORMERS = {
    ("torchvision", 224): (256, IMAGENET_MEAN, IMAGENET_STD, "bilinear"),
    ("timm", 224): (248, HALF, HALF, "bicubic"),
}


def usual(dialect: str, model: str, arguments: Mapping[str, Any]) -> Usual | None:
    """Return the usual of a network under a source's names, or None for our own names.

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
        return USUAL.get(SAME_AS.get(source, source))
    if _builder(model).__name__ == "cifar_resnet" and (dialect == "cifar" or arguments.get("shortcut", "A") == "A"):
        return USUAL["cifar"]  # the padding shortcut is theirs alone, whatever their tensors are called by now
    title, size, mean, std = SMALL_SETS.get(arguments.get("num_classes", 10), SMALL_SETS[10])
    why = f"a network for small images ({model}) takes it: {size} pixels, no resize and crop, {title} mean and std"
    return Usual(size, 0, why, mean, std)


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
    """Return a model's builder and every argument that it is built with: the builder's own, the variant's, these."""
    builder = _builder(model)
    own = {key: parameter.default for key, parameter in inspect.signature(builder).parameters.items()}
    return builder, {**own, **(VARIANTS[model].arguments if model in VARIANTS else {}), **arguments}


def usual_preprocessing(known: Usual | None, in_chans: int) -> Preprocessing | None:
    """Return a source's usual preprocessing, or None for our own files or images that are not RGB."""
    if known is None or in_chans != 3:
        return None
    return Preprocessing((known.size, known.size), known.mean, known.std, known.resize, known.interpolation)


def usual_classes(dialect: str, model: str, num_classes: int) -> list[str]:
    """Return the class names that a source's files leave unsaid, or none where they could be anything."""
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
