"""From what a file holds to a description of its model and tensors under the grammar's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from .. import models
from ..errors import InputError
from ..models import Description, Preprocessing
from .architectures import Named, check_configuration, check_named, published, unnamed
from .dialects import BOOKKEEPING, DIALECTS, likely_dialects, spell, to_grammar_names, unwrap
from .fit import SHOWN, Differences, compare, note_of_precision, refuse_unusable, shapes_of
from .layout import first_convolution, read_layout
from .metadata import NAMES_KEY, from_metadata
from .reading import Contents
from .recognise import Candidate, candidates
from .sidecar import Sidecar
from .sources import only_size, usual, usual_classes, usual_preprocessing


@dataclass
class Understood:
    """A file's model: how to build it, the tensors by the grammar's names, and what was assumed."""

    description: Description
    tensors: dict[str, Tensor]
    dialect: str
    wrapper: str = ""  # the prefix that stood before every name
    left: dict[str, Tensor] = field(default_factory=dict)  # names that the dialect does not know
    bookkeeping: list[str] = field(default_factory=list)  # counters of the training run
    assumed: list[str] = field(default_factory=list)

    def differences(self, arguments: Mapping[str, Any], model: str = "") -> Differences:
        """Compare the file with the model that the description builds, by the file's own names."""
        built = compare(shapes_of(build_meta(model or self.description.model, arguments)), shapes_of(self.tensors))
        said = {name: self.said(name) for name in (*built.missing, *built.unexpected, *built.shapes)}
        return Differences(
            [said[name] for name in built.missing],
            [said[name] for name in built.unexpected] + sorted(self.left),
            {said[name]: sizes for name, sizes in built.shapes.items()},
        )

    def said(self, name: str) -> str:
        """Return a grammar's name as the file writes it."""
        return self.wrapper + (spell(self.dialect, name) or name)


ASSUMED = "assumed: "  # begins the part of a provenance that says what a file left unsaid
LAYERS_PER_TENSOR = 100  # feature maps that leave late stages out keep the whole model's depth


def build_meta(model: str, arguments: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the names and shapes of a model's state without its numbers."""
    with torch.device("meta"):
        return build(model, arguments).state_dict()


def build(model: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build by name; an argument None means the model's own.

    Raises:
        InputError: an unknown name, or arguments that it cannot be built with, as a damaged description may have.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    try:
        return models.create_model(model, **given)
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{model} must be given arguments that it can be built with, got {given}: {error}") from error


def understand(contents: Contents, beside: Sidecar, ema: bool | None = None, name: str = "") -> Understood:
    """Return the model that the file holds.

    Args:
        contents: what was read.
        beside: what its publisher says of it.
        ema: whether to take the averaged copy; by default where there is one, as timm and torchvision evaluate it.

        name: of the model, where names and shapes would not tell.

    Raises:
        InputError: names and shapes that no model here has, or an averaged copy that is asked for and not there.
    """
    refuse_unusable(contents.path.name, contents.tensors | contents.averaged)
    if ema and not contents.averaged:
        raise InputError(f"{contents.path.name} must hold an averaged copy for ema=True, got none; leave ema out")
    own = from_metadata(contents.path, contents.metadata)
    if own is not None:
        dialect = contents.metadata.get(NAMES_KEY, "residuum")
        if dialect not in DIALECTS:
            raise InputError(
                f"{contents.path} must use names of {', '.join(DIALECTS)}, got {dialect!r}; update Residuum"
            )
        _check_depth(contents, own)
        if dialect == "residuum":  # whatever its names are: not every model has stem, stages and head
            return Understood(own, dict(contents.tensors), dialect)
        return replace(_choose(contents, dialect, ema), description=own)
    wrapper = unwrap(_names(contents.tensors))
    inner = [name.removeprefix(wrapper) for name in _names(contents.tensors) if name.startswith(wrapper)]
    tried = [_choose(contents, dialect, ema) for dialect in likely_dialects(inner)]
    recognised = [_recognise(understood) for understood in tried]
    found = min((entry for entry in recognised if entry is not None), key=lambda entry: entry[0], default=None)
    sizeless = _sizeless(tried[0].tensors)
    if found is not None and not sizeless:
        named = beside.named or (None if name else contents.named)  # the caller's word counts more than an entry
        return _assume(found[1], beside, named, exact=not found[0])
    if not name or sizeless:
        nearest = found[1].description.model if found is not None else ""
        raise InputError(_unknown(contents, nearest, [tried[0].said(each) for each in sizeless]))
    fc = tried[0].tensors.get("head.fc.weight")
    described = Description(name, {"num_classes": len(fc)} if fc is not None and fc.ndim else {})
    return _assume(replace(tried[0], description=described), beside, beside.named, exact=False)


def _check_depth(contents: Contents, own: Description) -> None:
    """Refuse a depth that the file's tensors cannot be of, before so many layers are built on a header's word."""
    depth, tensors = own.arguments.get("depth", 0), len(contents.tensors)
    if isinstance(depth, int) and depth > LAYERS_PER_TENSOR * (tensors + 1):
        raise InputError(
            f"{contents.path} must hold the tensors of the model it describes, got depth {depth} and {tensors} tensors"
        )


def _choose(contents: Contents, dialect: str, ema: bool | None) -> Understood:
    """Translate the weights, or their averaged copy where it is wanted; what the copy lacks is the weights'."""
    understood = _translate(contents.tensors, dialect)
    if not contents.averaged or ema is False:
        return understood
    averaged = _translate(contents.averaged, dialect)
    lacking = sorted(set(understood.tensors) - set(averaged.tensors))
    said = f", where it lacks them, {len(lacking)} entries of the other" if lacking else ""
    averaged.assumed.append(f"the averaged copy of the weights (ema=False takes the other){said}")
    averaged.tensors = {**understood.tensors, **averaged.tensors}
    return averaged


def _names(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name in tensors if name not in BOOKKEEPING]


def _translate(tensors: Mapping[str, Tensor], dialect: str) -> Understood:
    """Take wrappers off and translate what the dialect has names for."""
    names = _names(tensors)
    wrapper = unwrap(names)
    kept = {name.removeprefix(wrapper): tensors[name] for name in names if name.startswith(wrapper)}
    outside = {name: tensors[name] for name in names if not name.startswith(wrapper)}
    translated, left = to_grammar_names(dialect, kept)
    left = {wrapper + name: value for name, value in left.items()} | outside
    counters = [name for name in tensors if name in BOOKKEEPING]
    return Understood(Description("", {}), translated, dialect, wrapper, left, counters)


def _recognise(understood: Understood) -> tuple[int, Understood] | None:
    """Return the candidate that fits, else the one with the fewest differences, and how many."""
    shapes = shapes_of(understood.tensors)
    best: tuple[int, Candidate] | None = None
    for candidate in candidates(shapes):
        try:
            differences = len(compare(shapes_of(build_meta(candidate.builder, candidate.arguments)), shapes))
        except InputError:
            continue  # a depth or a width that the family does not have
        best = (differences, candidate) if best is None or differences < best[0] else best
    if best is None:
        return None
    return best[0], replace(understood, description=Description(*best[1].named()))


def _sizeless(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the weights that no layer has: of no dimension, or with a side of 0."""
    shapes = shapes_of(tensors)
    return [name for name, shape in shapes.items() if name.endswith("weight") and (not shape or 0 in shape)]


def _unknown(contents: Contents, nearest: str, sizeless: list[str]) -> str:
    titles = ", ".join(dict.fromkeys(dialect.title for dialect in DIALECTS.values()))
    some = ", ".join(list(contents.tensors)[:3])
    shapes = shapes_of(contents.tensors)
    wrong = ", ".join(f"{name} {list(shapes[name])}" for name in sizeless[:SHOWN] if name in shapes)
    closest = f"; nearest is {nearest}, of which {wrong} cannot be a layer's" if nearest and wrong else ""
    return (
        f"{contents.path} must hold a model of this library by names of {titles}; got {len(contents.tensors)} "
        f"tensors such as {some}{closest}. See `residuum inspect {contents.path.name}`"
    )


def _assume(understood: Understood, beside: Sidecar, named: Named | None, *, exact: bool) -> Understood:
    """Add what stands beside the file, then what the source leaves unsaid; say what was assumed.

    Raises:
        InputError: what stands in or beside the file is of another network, or is not understood.
    """
    dialect, tensors, description = understood.dialect, understood.tensors, understood.description
    shapes = shapes_of(tensors)
    logits, in_chans = (*shapes.get("head.fc.weight", ()), 0)[0], (*first_convolution(shapes), 0, 0)[1]
    about_name = ""
    if named and (exact or not published(named.name)):
        about_name = check_named(named, description.model)
    if exact:  # otherwise the tensors that do not fit are what must be said
        about_name = about_name or ("" if named else unnamed(description.model, dialect))
        check_configuration(beside.config, description.model, _configured(shapes))
    if beside.trouble:
        raise InputError(beside.trouble)
    source = None if beside.unclear else usual(dialect, description.model, description.arguments)
    preprocessing = beside.preprocessing or usual_preprocessing(source, in_chans)
    _check_preprocessing(preprocessing, description, in_chans)
    classes = beside.classes if len(beside.classes) == logits else usual_classes(dialect, description.model, logits)
    assumed = [*understood.assumed, *([about_name] if about_name else [])]
    if source is not None and preprocessing and not beside.preprocessing:
        assumed.append(f"preprocessing as {source.why}")
    if classes and classes is not beside.classes:
        assumed.append("class names of CIFAR-10" if logits == 10 else "class names of ImageNet")
    if beside.classes and len(beside.classes) != logits:
        assumed.append(f"that the {len(beside.classes)} class names beside it are not of its {logits} logits")
    if not beside.arguments and any(name.endswith("branch.conv3.weight") for name in tensors):
        assumed.append("stride on the 3x3 convolutions (v1.5)")
    if description.arguments.get("shortcut") == "A" or dialect == "cifar":
        assumed.append("shortcuts that pad with zeros (a plain net has the same tensors)")
    assumed += note_of_precision(tensors)
    described = Description(
        description.model,
        {**description.arguments, **beside.arguments},
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
    parts += [f"left out: {', '.join(understood.bookkeeping)}"] if understood.bookkeeping else []
    return "; ".join(parts)


def assumptions(description: Description) -> str:
    """Return what was assumed of a file that left it unsaid, of the description's provenance; empty: nothing."""
    return next((part[len(ASSUMED) :] for part in description.provenance.split("; ") if part.startswith(ASSUMED)), "")


def _check_preprocessing(preprocessing: Preprocessing | None, description: Description, in_chans: int) -> None:
    """Refuse a preprocessing whose images the recognised network cannot take."""
    if preprocessing is None:
        return
    side = only_size(description.model, description.arguments)
    if side is not None and tuple(preprocessing.size) != (side, side):
        height, width = preprocessing.size
        raise InputError(
            f"{description.model} of these tensors takes images of {side} x {side} pixels, but what stands beside them "
            f"says {height} x {width}; give preprocessing of {side} pixels"
        )
    if in_chans and {len(preprocessing.mean), len(preprocessing.std)} != {in_chans}:
        raise InputError(
            f"{description.model} of these tensors takes {in_chans} channels, but mean and std have "
            f"{len(preprocessing.mean)} and {len(preprocessing.std)} numbers; give preprocessing with {in_chans}"
        )


def _configured(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return what a ResNetConfig of these tensors says."""
    layout = read_layout(shapes)
    if layout is None:
        return {}
    kind = {2: "basic", 3: "bottleneck"}.get(layout.convolutions, "")
    return {"depths": list(layout.blocks), "hidden_sizes": list(layout.widths), "layer_type": kind}
