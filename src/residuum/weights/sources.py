"""What a source's files leave unsaid and everybody assumes: preprocessing and class names. Each is overridable."""

from __future__ import annotations

from dataclasses import dataclass

from ..models import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Usual:
    """The usual of one source."""

    size: int  # pixels, height and width
    resize: int  # shorter side before the centre crop
    why: str


USUAL = {
    "torchvision": Usual(224, 256, "torchvision's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "timm": Usual(224, 256, "timm's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "huggingface": Usual(224, 256, "Hugging Face's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "mm": Usual(224, 256, "OpenMMLab's: shorter side 256, centre crop 224, ImageNet mean and std"),
    "cifar": Usual(32, 0, "the published CIFAR ResNets': 32 pixels, ImageNet mean and std"),
}


def usual(dialect: str) -> Usual | None:
    """Return the usual of a dialect's source, or None for our own names."""
    return USUAL.get(dialect.partition("_")[0])


def usual_preprocessing(dialect: str, in_chans: int) -> Preprocessing | None:
    """Return the source's usual preprocessing, or None for our own files or images that are not RGB."""
    known = usual(dialect)
    if known is None or in_chans != 3:
        return None
    return Preprocessing((known.size, known.size), IMAGENET_MEAN, IMAGENET_STD, known.resize)


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
