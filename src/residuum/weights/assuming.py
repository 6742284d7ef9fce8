"""Fill in what a file does not state: from the network, from the files beside it, and from its source's conventions."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError
from ..models import Description, Preprocessing
from .architectures import Named, check_configuration, check_named, published, unnamed
from .conventions import conventions
from .dialects import DIALECTS
from .fit import note_of_precision, shapes_of
from .layout import first_convolution
from .sidecar import Sidecar
from .sources import only_size, usual, usual_classes, usual_preprocessing
from .understood import Understood

ASSUMED = "assumed: "  # begins the part of a provenance that lists assumptions


def assume(understood: Understood, beside: Sidecar, named: Named | None, *, exact: bool) -> Understood:
    """Add the facts from beside the file, then the source's conventions; record the assumptions.

    Raises:
        InputError: the file or a file beside it describes another network, or cannot be understood.
    """
    dialect, tensors, description = understood.dialect, understood.tensors, understood.description
    shapes = shapes_of(tensors)
    logits, in_chans = (*shapes.get("head.fc.weight", ()), 0)[0], (*first_convolution(shapes), 0, 0)[1]
    about_name = ""
    if named and (exact or not published(named.name)):
        about_name = check_named(named, description)
    if exact:  # otherwise the error about the tensors that do not fit comes first
        about_name = about_name or ("" if named else unnamed(description.model, dialect))
        check_configuration(beside.config, description, tensors)
        _check_classes(beside, description, logits)
    if beside.trouble:
        raise InputError(beside.trouble)
    source = None if beside.unclear else usual(dialect, description.model, description.arguments)
    preprocessing = beside.preprocessing or usual_preprocessing(source, in_chans)
    _check_preprocessing(preprocessing, description, in_chans)
    classes = beside.classes or (usual_classes(dialect, description.model, logits) if in_chans else [])
    assumed = [*understood.assumed, *([about_name] if about_name else [])]
    if source is not None and preprocessing and not beside.preprocessing:
        assumed.append(f"preprocessing as {source.why}")
    if classes and classes is not beside.classes:
        assumed.append("class names of CIFAR-10" if logits == 10 else "class names of ImageNet")
    if len(classes) != logits:  # a network without classifier, or one whose classifier does not fit
        classes = []
    told, unsaid = conventions(description, dialect, named)
    assumed += [unsaid] if unsaid and not beside.arguments else []
    arguments = {**description.arguments, **told}
    if dialect == "detectron2" and any(name.endswith("branch.conv3.weight") for name in tensors):
        arguments["stride_on"] = "conv1"
        assumed.append(
            "stride on the first 1x1 convolutions (v1), as detectron2's own backbones have it; they take BGR"
        )
    elif not beside.arguments and any(name.endswith("branch.conv3.weight") for name in tensors):
        assumed.append("stride on the 3x3 convolutions (v1.5)")
    if description.arguments.get("shortcut") == "A" or dialect == "cifar":
        assumed.append("shortcuts that pad with zeros (a plain net has the same tensors)")
    if description.model == "resnet50_gn":
        assumed.append("group norm (batch norms that are saved without running statistics have the same tensors)")
    assumed += note_of_precision(tensors)
    described = Description(
        description.model,
        {**arguments, **beside.arguments},
        classes=classes,
        preprocessing=preprocessing,
        metrics=beside.metrics,
        licence=beside.licence,
        provenance=_provenance(understood, beside, assumed),
    )
    return replace(understood, description=described, assumed=assumed)


def _provenance(understood: Understood, beside: Sidecar, assumed: list[str]) -> str:
    parts = [beside.provenance] if beside.provenance else []
    parts.append(f"a state dict with names of {DIALECTS[understood.dialect].title}")
    parts += [f"preprocessing as {beside.prepared_by}"] if beside.preprocessing and beside.prepared_by else []
    parts += [f"{ASSUMED}{', '.join(assumed)}"] if assumed else []
    left_out = [*understood.bookkeeping, *([understood.describe_beside()] if understood.outside else [])]
    parts += [f"left out: {', '.join(left_out)}"] if left_out else []
    return "; ".join(parts)


def assumptions(description: Description) -> str:
    """Return the assumptions in the description's provenance; empty: none."""
    return next((part[len(ASSUMED) :] for part in description.provenance.split("; ") if part.startswith(ASSUMED)), "")


def _check_preprocessing(preprocessing: Preprocessing | None, description: Description, in_chans: int) -> None:
    """Refuse a preprocessing whose images the recognised network cannot take."""
    if preprocessing is None:
        return
    side = only_size(description.model, description.arguments)
    if side is not None and tuple(preprocessing.size) != (side, side):
        height, width = preprocessing.size
        raise InputError(
            f"{description.model} of these tensors takes images of {side} x {side} pixels, but the configuration "
            f"beside them says {height} x {width}; give preprocessing of {side} pixels"
        )
    if in_chans and {len(preprocessing.mean), len(preprocessing.std)} != {in_chans}:
        raise InputError(
            f"{description.model} of these tensors takes {in_chans} channels, but mean and std have "
            f"{len(preprocessing.mean)} and {len(preprocessing.std)} numbers; give preprocessing with {in_chans}"
        )


def _check_classes(beside: Sidecar, description: Description, logits: int) -> None:
    """Refuse class names, or a number of classes, that does not match the logits; without logits, accept any."""
    said = {"num_classes": beside.num_classes, "class names": len(beside.classes)}
    for key, count in said.items():
        if count and logits and count != logits:
            raise InputError(
                f"config.json says {count} {'classes' if key == 'num_classes' else key}, but {description.model} of "
                f"these tensors has {logits} logits; correct it, or move the weights elsewhere"
            )
