"""From what a file holds to a description of its model and tensors under the grammar's names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from .. import models
from ..errors import InputError
from ..models import Description
from .classifier import FC, features_of
from .classifier import beside as classifier_beside
from .dialects import BOOKKEEPING, DIALECTS, likely_dialects, spell, to_grammar_names, unwrap
from .fit import Differences, compare, shapes_of
from .layout import first_convolution
from .metadata import NAMES_KEY, from_metadata
from .place import WITHOUT_LABELS, Place, choose_place
from .reading import Contents
from .recognise import Candidate, candidates
from .sidecar import Sidecar
from .sources import usual, usual_classes, usual_preprocessing
from .stacked import Translated
from .transformer_facts import Facts, read_facts


@dataclass
class Understood:
    """A file's model: how to build it, the tensors by the grammar's names, and what was assumed."""

    description: Description
    tensors: dict[str, Tensor]
    dialect: str
    wrapper: str = ""  # the prefix that stood before every name
    left: dict[str, Tensor] = field(default_factory=dict)  # names that the dialect does not know
    outside: list[str] = field(default_factory=list)  # of other networks and heads in the file, which are left out
    spelled: dict[str, str] = field(default_factory=dict)  # how the file writes the grammar's names
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

    def beside(self) -> dict[str, int]:
        """Return how many tensors are left out, by the part of the file that they belong to."""
        bare = (name.removeprefix(self.wrapper) for name in self.outside)
        modules = (name.rpartition(".")[0] if name.endswith(LEAVES) else name for name in bare)
        return dict(Counter(".".join(module.split(".")[:2]) for module in modules))

    def said_beside(self) -> str:
        """Return what is left out, by name and count."""
        return ", ".join(f"{count} tensor{'s' * (count > 1)} of {part}" for part, count in self.beside().items())

    def said(self, name: str) -> str:
        """Return a grammar's name as the file writes it."""
        return self.spelled.get(name) or self.wrapper + (spell(self.dialect, name) or name)


HEADS = r"(^|\.)(pooler|cls|seq_relationship|head|heads|classifier|lm_head|score|qa_outputs)\."  # of transformers
LEAVES = (".weight", ".bias", ".running_mean", ".running_var", ".num_batches_tracked")
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


def understand(
    contents: Contents, beside: Sidecar, ema: bool | None = None, name: str = "", facts: Facts | None = None
) -> Understood:
    """Return the model that the file holds.

    Args:
        contents: what was read.
        beside: what its publisher says of it.
        ema: whether to take the averaged copy; by default where there is one, as timm and torchvision evaluate it.
        name: of the model, where names and shapes would not tell.
        facts: what a transformer's tensors cannot show; by default what stands beside the file.

    Raises:
        InputError: names and shapes that no model here has, or an averaged copy that is asked for and not there.
    """
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
        return replace(_choose(contents, _own_place(contents, dialect), dialect, ema), description=own)
    names = _names(contents.tensors)
    place = choose_place(names, contents.wished) or _usual_place(names)
    facts = read_facts(contents.path) if facts is None else facts
    tried = [_choose(contents, place, dialect, ema) for dialect in place.dialects]
    recognised = [_recognise(understood, facts, name) for understood in tried]
    found = min((entry for entry in recognised if entry is not None), key=lambda entry: entry[0], default=None)
    if found is not None:
        return _assume(found[1], beside)
    if not name:
        raise InputError(_unknown(contents))
    fc = tried[0].tensors.get("head.fc.weight")
    named = Description(name, {"num_classes": len(fc)} if fc is not None and fc.ndim else {})
    return _assume(replace(tried[0], description=named), beside)


def _check_depth(contents: Contents, own: Description) -> None:
    """Refuse a depth that the file's tensors cannot be of, before so many layers are built on a header's word."""
    depth, tensors = own.arguments.get("depth", 0), len(contents.tensors)
    if isinstance(depth, int) and depth > LAYERS_PER_TENSOR * (tensors + 1):
        raise InputError(
            f"{contents.path} must hold the tensors of the model it describes, got depth {depth} and {tensors} tensors"
        )


def _own_place(contents: Contents, dialect: str) -> Place:
    """Return the place in a file that this library wrote by another's names."""
    naming = DIALECTS[dialect].naming
    home = naming.home if naming is not None else ""
    return Place(home if any(name.startswith(home) for name in contents.tensors) else "", (dialect,), 0)


def _usual_place(names: list[str]) -> Place:
    """Return the place of a network without a known first layer: behind the usual wrappers."""
    wrapper = unwrap(names)
    inner = [name.removeprefix(wrapper) for name in names if name.startswith(wrapper)]
    return Place(wrapper, tuple(likely_dialects(inner)), 0)


def _choose(contents: Contents, place: Place, dialect: str, ema: bool | None) -> Understood:
    """Translate the weights, or their averaged copy where it is wanted; what the copy lacks is the weights'."""
    understood = _translate(contents.tensors, place, dialect)
    if not contents.averaged or ema is False:
        return understood
    names = _names(contents.averaged)
    averaged = _translate(contents.averaged, choose_place(names) or _usual_place(names), dialect)
    lacking = sorted(set(understood.tensors) - set(averaged.tensors))
    said = f"; where it lacks them, {len(lacking)} entries of the other" if lacking else ""
    averaged.assumed.append(f"the averaged copy of the weights (ema=False takes the other){said}")
    averaged.tensors = {**understood.tensors, **averaged.tensors}
    return averaged


def _names(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name in tensors if name not in BOOKKEEPING]


def _translate(tensors: Mapping[str, Tensor], place: Place, dialect: str) -> Understood:
    """Translate the network at that place, with its classifier, and sort what else the file holds."""
    prefix = place.prefix
    names = _names(tensors)
    found = to_grammar_names(dialect, {name: tensors[name] for name in names}, prefix)
    if DIALECTS[dialect].naming is None and place.modules:
        _settle_classifier(found, names)
    without = f"{FC}.weight" not in found.tensors
    outside = [
        name
        for name in found.left
        if name.startswith(place.others) or (without and place.modules and _is_beside(name, prefix, found))
    ]
    left = {name: value for name, value in found.left.items() if name not in outside}
    counters = [name for name in tensors if name in BOOKKEEPING]
    return Understood(
        description=Description("", {}),
        tensors=found.tensors,
        dialect=dialect,
        wrapper=prefix,
        left=left,
        outside=outside,
        spelled=found.spelled,
        bookkeeping=counters,
    )


def _settle_classifier(found: Translated, names: list[str]) -> None:
    """Take the classifier that has a name of its own; take none where what stands there is a projection."""
    unlabelled = any(WITHOUT_LABELS.search(name) for name in names)
    if unlabelled:
        moved = {name: found.tensors.pop(name) for name in [*found.tensors] if name.startswith(f"{FC}.")}
        found.left |= {found.spelled.pop(name): value for name, value in moved.items()}
    elif f"{FC}.weight" not in found.tensors:
        path = classifier_beside(found.left, features_of(found.tensors))
        for leaf in ("weight", "bias"):
            if path and (name := f"{path}.{leaf}") in found.left:
                found.tensors[f"{FC}.{leaf}"] = found.left.pop(name)
                found.spelled[f"{FC}.{leaf}"] = name


def _is_beside(name: str, prefix: str, found: Translated) -> bool:
    """Tell whether a tensor is no part of the network without classifier: outside its prefix, or of a head."""
    if not name.startswith(prefix):
        return True
    top = name.removeprefix(prefix).partition(".")[0]
    tops = {spelled.removeprefix(prefix).partition(".")[0] for spelled in found.spelled.values()}
    family = f"{prefix}{top}."
    return top not in tops and all(
        value.ndim <= 2 for other, value in found.left.items() if other == name or other.startswith(family)
    )


def _recognise(understood: Understood, facts: Facts, name: str) -> tuple[int, Understood] | None:
    """Return the candidate that fits, else the one with the fewest differences, and how many."""
    shapes = shapes_of(understood.tensors)
    if any(not shape or 0 in shape for name, shape in shapes.items() if name.endswith("weight")):
        return None  # no layer's
    best: tuple[int, Candidate] | None = None
    for candidate in candidates(shapes, facts, name):
        if candidate.arguments.get("heads") == 0:
            width = candidate.arguments["width"]
            raise InputError(f"a transformer of width {width} needs its number of heads, which its tensors do not "
                             "show; keep config.json beside it, or load it with heads=N")  # fmt: skip
        try:
            differences = len(compare(shapes_of(build_meta(candidate.builder, candidate.arguments)), shapes))
        except InputError:
            continue  # a depth or a width that the family does not have
        best = (differences, candidate) if best is None or differences < best[0] else best
    if best is None:
        return None
    if DIALECTS[understood.dialect].naming is not None:
        _leave_other_heads(understood, best[1])
        best = (len(compare(shapes_of(build_meta(best[1].builder, best[1].arguments)), shapes_of(understood.tensors))),
                best[1])  # fmt: skip
    return best[0], replace(understood, description=Description(*best[1].named()))


def _leave_other_heads(understood: Understood, candidate: Candidate) -> None:
    """Set aside what belongs to heads that this model has not: of words, of sentence pairs, a pooler."""
    built = build_meta(candidate.builder, candidate.arguments)
    extra = [name for name in understood.tensors if name not in built and name.startswith("head.")]
    for name in extra:
        understood.tensors.pop(name)
    heads = [name for name in understood.left if re.search(HEADS, name)]
    understood.outside += [understood.spelled[name] for name in extra] + heads
    understood.left = {name: value for name, value in understood.left.items() if name not in heads}


def _unknown(contents: Contents) -> str:
    titles = ", ".join(dict.fromkeys(dialect.title for dialect in DIALECTS.values()))
    some = ", ".join(list(contents.tensors)[:3])
    return (
        f"{contents.path} must hold a model of this library by names of {titles}; got {len(contents.tensors)} "
        f"tensors such as {some}. See `residuum inspect {contents.path.name}`"
    )


def _assume(understood: Understood, beside: Sidecar) -> Understood:
    """Add what stands beside the file, then what the source leaves unsaid; say what was assumed."""
    dialect, tensors, description = understood.dialect, understood.tensors, understood.description
    shapes = shapes_of(tensors)
    logits, in_chans = (*shapes.get("head.fc.weight", ()), 0)[0], (*first_convolution(shapes), 0, 0)[1]
    preprocessing = beside.preprocessing or usual_preprocessing(dialect, in_chans)
    classes = beside.classes if len(beside.classes) == logits else usual_classes(dialect, logits)
    assumed = list(understood.assumed)
    source = usual(dialect)
    if source is not None and preprocessing and not beside.preprocessing:
        assumed.append(f"preprocessing as {source.why}")
    if classes and classes is not beside.classes:
        assumed.append("class names of CIFAR-10" if dialect == "cifar" else "class names of ImageNet")
    if not beside.arguments and any(name.endswith("branch.conv3.weight") for name in tensors):
        assumed.append("stride on the 3x3 convolutions (v1.5)")
    if description.arguments.get("shortcut") == "A" or dialect == "cifar":
        assumed.append("shortcuts that pad with zeros (a plain net has the same tensors)")
    provenance = f"{beside.provenance}; " if beside.provenance else ""
    provenance += f"a state dict with names of {DIALECTS[dialect].title}"
    provenance += f"; assumed: {', '.join(assumed)}" if assumed else ""
    left_out = [*understood.bookkeeping, *([understood.said_beside()] if understood.outside else [])]
    provenance += f"; left out: {', '.join(left_out)}" if left_out else ""
    described = Description(
        description.model,
        {**description.arguments, **beside.arguments},
        classes=classes,
        preprocessing=preprocessing,
        metrics=beside.metrics,
        licence=beside.licence,
        provenance=provenance,
    )
    return replace(understood, description=described, assumed=assumed)
