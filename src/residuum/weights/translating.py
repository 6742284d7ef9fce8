"""From a file's tensors to one network's tensors under the grammar's names, and sort the file's other tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ..models import Description
from .classifier import FC, features_of
from .classifier import beside as classifier_beside
from .dialects import BOOKKEEPING, DIALECTS, likely_dialects, to_grammar_names, unwrap
from .place import WITHOUT_LABELS, Place, choose_place
from .reading import Contents
from .stacked import Translated
from .understood import Understood


def own_place(contents: Contents, dialect: str) -> Place:
    """Return the place in a file that this library wrote with another library's names."""
    naming = DIALECTS[dialect].naming
    home = naming.home if naming is not None else ""
    return Place(home if any(name.startswith(home) for name in contents.tensors) else "", (dialect,), 0)


def usual_place(names: list[str]) -> Place:
    """Return the place of a network without a known first layer: after the usual wrappers."""
    wrapper = unwrap(names)
    inner = [name.removeprefix(wrapper) for name in names if name.startswith(wrapper)]
    return Place(wrapper, tuple(likely_dialects(inner)), 0)


def choose(contents: Contents, place: Place, dialect: str, ema: bool | None) -> Understood:
    """Translate the weights, or their averaged copy on request; tensors that the copy lacks come from the weights."""
    understood = _translate(contents.tensors, place, dialect)
    if not contents.averaged or ema is False:
        return understood
    names = names_of(contents.averaged)
    averaged = _translate(contents.averaged, choose_place(names) or usual_place(names), dialect)
    lacking = sorted(set(understood.tensors) - set(averaged.tensors))
    said = f", where it lacks them, {len(lacking)} entries of the other" if lacking else ""
    averaged.assumed.append(f"the averaged copy of the weights (ema=False takes the other){said}")
    averaged.tensors = {**understood.tensors, **averaged.tensors}
    return averaged


def names_of(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names without counters of the training run."""
    return [name for name in tensors if name not in BOOKKEEPING]


def _translate(tensors: Mapping[str, Tensor], place: Place, dialect: str) -> Understood:
    """Translate the network at that place, with its classifier, and sort the file's other tensors."""
    prefix = place.prefix
    names = names_of(tensors)
    found = to_grammar_names(dialect, {name: tensors[name] for name in names}, prefix)
    if DIALECTS[dialect].naming is None and place.modules:
        _settle_classifier(found, names)
    without = f"{FC}.weight" not in found.tensors
    outside = [
        name
        for name in found.left
        if name.startswith(place.others)
        or _is_measure(name)
        or (without and place.modules and _is_beside(name, prefix, found))
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
    """Return the classifier that has its own name; return none where the layer is a projection."""
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


# Parts of a training framework's module beside its network: losses, metrics, preprocessing.
MEASURES = re.compile(
    r"(\w*_)?(criterion|loss\w*|metrics?|acc|accuracy|top\d|confmat|confusion_matrix|auroc|f1\w*|precision|recall)(_\w*)?|"
    r"data_preprocessor|normali[sz]e\w*"
)


def _is_measure(name: str) -> bool:
    """Return whether a tensor without a name in the network belongs to a loss or a metric."""
    return any(MEASURES.fullmatch(part) for part in name.split(".")[:-1])


def _is_beside(name: str, prefix: str, found: Translated) -> bool:
    """Return whether a tensor is outside the network without classifier: outside its prefix, or in a head."""
    if not name.startswith(prefix):
        return True
    top = name.removeprefix(prefix).partition(".")[0]
    tops = {spelled.removeprefix(prefix).partition(".")[0] for spelled in found.spelled.values()}
    family = f"{prefix}{top}."
    return top not in tops and all(
        value.ndim <= 2 for other, value in found.left.items() if other == name or other.startswith(family)
    )
