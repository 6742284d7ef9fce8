"""What a model is: everything that a weights file needs beside its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from torch import nn

from ..errors import InputError, nearest

INTERPOLATIONS = ("bilinear", "bicubic")  # antialiased, as Pillow has them

NEW_WEIGHTS = "new weights"  # the provenance of a file that holds a model as it was built


@dataclass
class Preprocessing:
    """From an image to what the network receives: resize, crop, scale to 0..1, normalise.

    >>> residuum.Preprocessing(size=(32, 32), mean=(0.5,), std=(0.25,)).resize
    0
    """

    size: tuple[int, int]  # height, width, pixels
    mean: tuple[float, ...]  # one per channel, of values scaled to 0..1
    std: tuple[float, ...]
    resize: int = 0  # shorter side before the centre crop, pixels; 0: stretch to size
    interpolation: str = "bilinear"  # of the resize: one of INTERPOLATIONS

    def __post_init__(self) -> None:
        """Refuse an interpolation that no entry point has."""
        if self.interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            hint = nearest(str(self.interpolation), list(INTERPOLATIONS))
            raise InputError(f"interpolation must be one of {known}, got {self.interpolation!r}; {hint}")


@dataclass
class Description:
    """How to build the model again, and what it was made from.

    >>> residuum.create_model("cifar_resnet20", num_classes=3).description.arguments
    {'num_classes': 3}
    """

    model: str
    arguments: dict[str, Any]
    classes: list[str] = field(default_factory=list)
    preprocessing: Preprocessing | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    licence: str = ""
    provenance: str = ""


def describe(model: nn.Module) -> Description:
    """Return the description that ``create_model`` and ``load`` attach to their models.

    >>> describe(residuum.create_model("cifar_resnet20")).model
    'cifar_resnet20'
    """
    description = getattr(model, "description", None)
    if not isinstance(description, Description):
        raise InputError(
            f"expected a model made by residuum.create_model or residuum.load, got a bare {type(model).__name__}; "
            "set model.description = residuum.Description(model=NAME, arguments={...})"
        )
    return description


def check_classifier(model: nn.Module) -> None:
    """Refuse a network without a classifier: what it gives are features, and no class has a number among them.

    Raises:
        InputError: ``num_classes`` is 0.
    """
    if getattr(model, "num_classes", None) == 0:
        raise InputError(
            "the model must end in logits, but it has num_classes 0 (features); reset_classifier(N) first, and train "
            "it (residuum train --weights FILE)"
        )


def preprocessing_of(model: nn.Module) -> Preprocessing:
    """Return how images are prepared for a model that classifies them.

    Raises:
        InputError: a model without a classifier, or one whose description has no preprocessing.
    """
    check_classifier(model)
    if (preprocessing := describe(model).preprocessing) is None:
        raise InputError(
            "the model's file says nothing of preprocessing; save it with preprocessing=residuum.Preprocessing(...)"
        )
    return preprocessing


def attach(model: nn.Module, description: Description) -> nn.Module:
    """Attach the description and return the model.

    >>> model = attach(torch.nn.Linear(4, 2), Description("my_linear", {"width": 4}))
    >>> model.description.model
    'my_linear'
    """
    cast(Any, model).description = description
    return model
