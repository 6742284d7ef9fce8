"""Locate a network among a file's names: by its first layer, under any prefix.

No list of wrappers is needed: a name that ends in a source's name of the first layer gives a prefix, and the prefix
under which most modules have a name in that source is the network's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from ..errors import InputError
from .dialects import DIALECTS, translate
from .entries import named_state, unknown_entry

# Where a file holds two networks, names of the one that follows the other in training and is not used afterwards:
# momentum encoders and targets (MoCo, BYOL). In distillation the student, whose average is the teacher (DINO).
FOLLOWERS = ("encoder_k", "encoder_m", "key_encoder", "momentum", "target", "student", "ema")

# Names that only self-supervised training leaves: the layer in the classifier's place is then a projection.
WITHOUT_LABELS = re.compile(r"(^|\.)(encoder_[qkm]|base_encoder|momentum_encoder|queue|prototypes"
                            r"|online\w*|target\w*|project(or|ion)\w*|predictor)(\.|$)")  # fmt: skip

LEAST = 4  # fewest modules of a network
LIKE = 0.5  # smallest share of the largest network's modules that another network has


@dataclass(frozen=True)
class Place:
    """A network in a file."""

    prefix: str
    dialects: tuple[str, ...]  # several, where a name's meaning depends on the depth
    modules: int  # number of modules that these dialects name
    others: tuple[str, ...] = ()  # the prefixes of the file's other networks


def places(names: Iterable[str]) -> list[Place]:
    """Return the networks among the names, the largest first, without networks inside another."""
    modules = {name.rpartition(".")[0] for name in names} | {name for name in names if "." not in name}
    bare = {name for name in names if name.rpartition(".")[2] not in ("weight", "bias")}  # single parameters
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for dialect in DIALECTS:
        for prefix in _prefixes(dialect, modules | bare):
            inside = [path.removeprefix(prefix) for path in modules if path.startswith(prefix)]
            found[prefix][dialect] = sum(_explains(dialect, path) for path in inside)
    result: list[Place] = []
    ranked = sorted(found.items(), key=lambda row: (-max(row[1].values()), -len(row[0])))
    for prefix, counts in ranked:
        most = max(counts.values())
        if most < LEAST or any(prefix.startswith(other.prefix) for other in result):
            continue
        if any(other.prefix.startswith(prefix) and other.modules * 2 > most for other in result):
            continue  # the same network, seen from outside
        result.append(Place(prefix, tuple(name for name, count in counts.items() if count == most), most))
    return [place for place in result if place.modules >= LIKE * result[0].modules]


def choose_place(names: Collection[str], wished: str = "") -> Place | None:
    """Return the network to load, or None where no known network matches.

    Of two, return the trained one, not the one that follows it (``FOLLOWERS``); ``wished`` selects another.

    Raises:
        InputError: several candidates, or no network of the wished name; the message lists the names.
    """
    found = places(names)
    prefixes = tuple(place.prefix for place in found)
    if wished:
        named = {place.prefix.rstrip("."): place for place in found}
        path = named_state(named, wished)
        if path is None:
            raise unknown_entry(wished, [name for name in named if name])
        return _beside(named[path], prefixes)
    if len(found) > 1:
        leading = [place for place in found if not any(word in place.prefix for word in FOLLOWERS)]
        found = leading or found
    if len(found) > 1:
        listed = ", ".join(place.prefix.rstrip(".") or "(no prefix)" for place in found)
        raise InputError(f"a file of several networks needs the name of one, got {listed}; "
                         "say --entry NAME (entry=NAME in Python)")  # fmt: skip
    return _beside(found[0], prefixes) if found else None


def _beside(place: Place, prefixes: tuple[str, ...]) -> Place:
    return replace(place, others=tuple(prefix for prefix in prefixes if prefix != place.prefix))


def _prefixes(dialect: str, paths: Collection[str]) -> set[str]:
    """Return the prefix before the source's name of the first layer."""
    anchors = DIALECTS[dialect].anchors
    return {
        path[: len(path) - len(anchor)]
        for anchor in anchors
        for path in paths
        if path == anchor or path.endswith(f".{anchor}")
    }


def _explains(dialect: str, path: str) -> bool:
    naming = DIALECTS[dialect].naming
    if naming is not None:
        return naming.explains(path)
    return translate(dialect, f"{path}.weight") is not None
