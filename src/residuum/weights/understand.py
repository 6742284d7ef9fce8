"""From a file's content to a description of its model and tensors under the grammar's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ..errors import InputError
from ..models import Description
from .assuming import assume
from .dialects import DIALECTS
from .fit import SHOWN, compare, refuse_integers, refuse_unusable, shapes_of
from .known_others import refuse_others
from .metadata import NAMES_KEY, from_metadata
from .place import choose_place
from .reading import Contents
from .recognise import Candidate, candidates
from .recognise_transformers import TINY_EPS
from .sidecar import Sidecar
from .transformer_facts import Facts, read_facts
from .translating import choose, names_of, own_place, usual_place
from .understood import Understood, build_meta

HEADS = r"(^|\.)(pooler|cls|seq_relationship|head|heads|classifier|lm_head|score|qa_outputs)\."  # of transformers
LAYERS_PER_TENSOR = 100  # a file of early stages' feature maps keeps the whole model's depth


def understand(
    contents: Contents, beside: Sidecar, ema: bool | None = None, name: str = "", facts: Facts | None = None
) -> Understood:
    """Return the model that the file holds.

    Args:
        contents: the file's content.
        beside: its publisher's description.
        ema: whether to take the averaged copy; by default yes where there is one, as timm and torchvision do.
        name: the model, where names and shapes cannot decide.
        facts: facts that a transformer's tensors cannot show; by default from the configuration beside the file.

    Raises:
        InputError: names and shapes that no model here has, or no averaged copy where one is requested.
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
        if dialect == "residuum":  # under any names: not every model has stem, stages and head
            return Understood(own, dict(contents.tensors), dialect)
        return replace(choose(contents, own_place(contents, dialect), dialect, ema), description=own)
    names = names_of(contents.tensors)
    refuse_others(contents.path.name, names)
    place = choose_place(names, contents.wished) or usual_place(names)
    facts = read_facts(contents.path) if facts is None else facts
    tried = [choose(contents, place, dialect, ema) for dialect in place.dialects]
    inner = {tried[0].spell(ours): tensor for ours, tensor in tried[0].tensors.items()}
    refuse_integers(contents.path.name, inner)  # masks and counters beside the network may be integers
    recognised = [_recognise(understood, facts, name) for understood in tried]
    found = min((entry for entry in recognised if entry is not None), key=lambda entry: entry[0], default=None)
    sizeless = _sizeless(tried[0].tensors)
    if found is not None and not sizeless:
        named = beside.named or (None if name else contents.named)  # the caller's name overrides an entry
        return assume(found[1], beside, named, exact=not found[0])
    if not name or sizeless:
        nearest = found[1].description.model if found is not None else ""
        raise InputError(_unknown(contents, nearest, [tried[0].spell(each) for each in sizeless]))
    fc = tried[0].tensors.get("head.fc.weight")
    described = Description(name, {"num_classes": len(fc)} if fc is not None and fc.ndim else {})
    return assume(replace(tried[0], description=described), beside, beside.named, exact=False)


def _check_depth(contents: Contents, own: Description) -> None:
    """Refuse a depth that the file's tensors cannot have, before building as many layers as a header claims."""
    depth, tensors = own.arguments.get("depth", 0), len(contents.tensors)
    if isinstance(depth, int) and depth > LAYERS_PER_TENSOR * (tensors + 1):
        raise InputError(
            f"{contents.path} must hold the tensors of the model it describes, got depth {depth} and {tensors} tensors"
        )


def _recognise(understood: Understood, facts: Facts, name: str) -> tuple[int, Understood] | None:
    """Return the candidate that fits, else the one with the fewest differences, and their number."""
    shapes = shapes_of(understood.tensors)
    if not facts.eps and understood.dialect.startswith("huggingface_vit"):
        facts = replace(facts, eps=TINY_EPS)  # ViTConfig's default
    best: tuple[int, Candidate] | None = None
    for candidate in candidates(shapes, facts, name):
        if candidate.arguments.get("heads") == 0 and (width := candidate.arguments["width"]):
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
    """Set aside the tensors of heads that this model lacks: word heads, sentence-pair heads, a pooler."""
    built = build_meta(candidate.builder, candidate.arguments)
    extra = [name for name in understood.tensors if name not in built and name.startswith("head.")]
    for name in extra:
        understood.tensors.pop(name)
    heads = [name for name in understood.left if re.search(HEADS, name)]
    understood.outside += [understood.spelled[name] for name in extra] + heads
    understood.left = {name: value for name, value in understood.left.items() if name not in heads}


def _sizeless(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the weights that no layer can have: without dimensions, or with a side of 0."""
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
