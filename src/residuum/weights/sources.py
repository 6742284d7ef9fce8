"""What a source's files leave unsaid and everybody assumes: preprocessing and class names. Each is overridable."""

from __future__ import annotations

from dataclasses import dataclass

from ..models import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


LITE_MEAN = (127 / 255,) * 3  # EfficientNet-Lite: (x - 127) / 128 for x of 0..255
LITE_STD = (128 / 255,) * 3

# model: size and shorter side before the centre crop, where its publisher has others than the source's usual
SIZES = {
    "efficientnet_b1": (240, 255),
    "efficientnet_b2": (288, 288),
    "efficientnet_b3": (300, 320),
    "efficientnet_b4": (380, 384),
    "efficientnet_lite0": (224, 256),
    "efficientnet_lite1": (240, 272),
    "efficientnet_lite2": (260, 292),
    "efficientnet_lite3": (280, 312),
    "efficientnet_lite4": (300, 332),
}


@dataclass(frozen=True)
class Usual:
    """The usual of one source."""

    size: int  # pixels, height and width
    resize: int  # shorter side before the centre crop
    why: str
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


USUAL = {
    "torchvision": Usual(224, 256, "torchvision's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "timm": Usual(224, 256, "timm's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "huggingface": Usual(224, 256, "Hugging Face's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "mm": Usual(224, 256, "OpenMMLab's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "efficientnet": Usual(224, 256, "EfficientNet-Lite's", LITE_MEAN, LITE_STD),  # each size has its own
    "cifar": Usual(32, 0, "the published CIFAR ResNets': 32 pixels, ImageNet mean and std"),
}


def usual(dialect: str, model: str = "") -> Usual | None:
    """Return the usual of a dialect's source for that model, or None for our own names."""
    known = USUAL.get(dialect.partition("_")[0])
    if known is None or model not in SIZES:
        return known
    size, resize = SIZES[model]
    lite = model.startswith("efficientnet_lite")
    title, mean, std = (
        ("EfficientNet-Lite", LITE_MEAN, LITE_STD) if lite else (known.why.partition("'")[0], known.mean, known.std)
    )
    scaling = "(x - 127) / 128" if lite else "ImageNet mean and std"
    why = f"{title}'s: shorter side {resize}, centre crop {size}, {scaling}"
    return Usual(size, resize, why, mean, std)


def usual_preprocessing(dialect: str, in_chans: int, model: str = "") -> Preprocessing | None:
    """Return the source's usual preprocessing, or None for our own files or images that are not RGB."""
    known = usual(dialect, model)
    if known is None or in_chans != 3:
        return None
    return Preprocessing((known.size, known.size), known.mean, known.std, known.resize)


def usual_classes(dialect: str, num_classes: int) -> list[str]:
    """Return the class names that a source's files leave unsaid, or none where they could be anything."""
    if dialect == "cifar" and num_classes == 10:
        return list(CIFAR10_CLASSES)
    if dialect != "residuum" and num_classes == 1000:
        return imagenet_classes()
    return []


def imagenet_classes() -> list[str]:
    """Return the thousand names in the order of ILSVRC 2012, as torchvision's weights carry them."""
    from ..compat import import_torchvision

    return list(import_torchvision().models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
