"""The checkpoint doctor: report a weights file's content, its anomalies and how to load it; run no code in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..errors import InputError
from ..models import VARIANTS, Description
from .dialects import DIALECTS, unwrap
from .fit import Differences, is_usable
from .pretrained import FETCHERS, fetch
from .reading import Contents
from .sidecar import OVERRIDE
from .understand import understand
from .understood import Understood

ZERO_VARIANCE = 1e-10  # a channel with a lower running variance holds the same value for every image


@dataclass
class Examination:
    """The doctor's report.

    >>> examine("runs/mine").description.provenance[:19]
    'trained by residuum'
    """

    path: str
    kind: str  # "safetensors" or "pickle"
    file_bytes: int
    tensors: int
    parameters: int  # without running statistics and counters
    dtypes: dict[str, int]  # number of tensors by name
    roof: str  # the checkpoint's entry that holds the weights; empty: the whole file is the weights
    wrapper: str  # the prefix before every name
    source: str  # the library whose names the tensors have; empty: unknown
    model: str  # empty: not recognised
    arguments: dict[str, object]
    depth: int | None
    num_classes: int | None
    averaged: bool  # whether the file also holds an averaged copy
    optimiser: str  # the entry that holds an optimiser's state; empty: none
    beside: list[str]  # other entries
    description: Description | None
    differences: Differences
    odd: list[str] = field(default_factory=list)
    how_to_load: str = ""
    entries: list[str] = field(default_factory=list)  # where several entries of a checkpoint hold tensors
    left_out: str = ""  # other networks and heads of the file, by name and count


def examine(path: str | os.PathLike[str], *, entry: str = "") -> Examination:
    """Open any weights file and report what it holds, what is odd and how to load it.

    Args:
        path: a file of any source, or a published name.
        entry: which of a checkpoint's entries or networks; by default the usual one.

    Raises:
        InputError: no such file, or one that is not a sound weights file (a model that is not recognised is a finding).

    >>> found = examine("runs/mine/model.safetensors")
    >>> found.model, found.num_classes, found.odd
    ('cifar_resnet', 10, [])
    """
    contents, beside = fetch(path, entry)
    unclear = beside.trouble  # a finding; the rest of the report still follows
    beside = replace(beside, trouble="", unclear=bool(unclear))
    try:
        understood = understand(contents, beside, ema=False)
        differences = understood.differences(understood.description.arguments)
        trouble = ""
    except InputError as error:
        understood, differences, trouble = None, Differences(), str(error)
    odd = [line for line in (trouble, unclear) if line]
    odd += list(odd_tensors(contents.tensors))
    odd += [f"averaged copy: {finding}" for finding in odd_tensors(contents.averaged)]
    if differences:
        odd.append(f"{len(differences)} entries do not fit\n{differences}")
    return _report(str(path), contents, understood, differences, odd, entry)


def _report(
    source: str,
    contents: Contents,
    understood: Understood | None,
    differences: Differences,
    odd: list[str],
    entry: str,
) -> Examination:
    description = understood.description if understood else None
    counted = [value for name, value in contents.tensors.items() if value.is_floating_point() and not _statistic(name)]
    head = understood.tensors.get("head.fc.weight") if understood else None
    return Examination(
        path=str(contents.path),
        kind=contents.kind,
        file_bytes=contents.path.stat().st_size if contents.path.exists() else 0,
        tensors=len(contents.tensors),
        parameters=sum(value.numel() for value in counted),
        dtypes=dict(Counter(str(value.dtype).removeprefix("torch.") for value in contents.tensors.values())),
        roof=contents.roof,
        wrapper=understood.wrapper if understood else unwrap(contents.tensors),
        source=DIALECTS[understood.dialect].title if understood else "",
        model=description.model if description else "",
        arguments=dict(description.arguments) if description else {},
        depth=_depth(description) if description else None,
        num_classes=len(head) if head is not None and head.ndim else None,
        averaged=bool(contents.averaged),
        optimiser=contents.optimiser,
        beside=contents.beside,
        description=description,
        differences=differences,
        odd=odd,
        how_to_load=_how(source, contents, understood, odd, entry),
        entries=[name for name in contents.entries if name] if len(contents.entries) > 1 else [],
        left_out=understood.describe_beside() if understood else "",
    )


def odd_tensors(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield anomalies of the numbers: not finite, dead channels, norms without variance, sizes that disagree."""
    for name, tensor in tensors.items():
        if not is_usable(tensor) or not tensor.is_floating_point() or tensor.numel() == 0:
            continue
        wide = tensor.detach().float()
        if bad := int((~torch.isfinite(wide)).sum()):
            yield f"{name}: {bad} of {wide.numel()} numbers are NaN or infinite"
        if name.endswith("running_var"):
            yield from _odd_variance(name, wide)
        elif name.endswith("weight") and wide.ndim >= 2:
            dead = int((wide.flatten(1) == 0).all(1).sum())
            if dead:
                yield f"{name}: {dead} of {len(wide)} channels are dead (all their weights are 0)"
        elif name.endswith("weight") and f"{name.removesuffix('weight')}running_var" in tensors:
            yield from _odd_scale(name, wide, tensors)


def _odd_variance(name: str, variance: Tensor) -> Iterator[str]:
    if negative := int((variance < 0).sum()):
        yield f"{name}: {negative} running variances are negative"
    if still := int(((variance >= 0) & (variance < ZERO_VARIANCE)).sum()):
        yield f"{name}: {still} of {variance.numel()} channels have no variance (they never change)"


def _odd_scale(name: str, scale: Tensor, tensors: Mapping[str, Tensor]) -> Iterator[str]:
    variance = tensors[f"{name.removesuffix('weight')}running_var"]
    if variance.shape != scale.shape:
        yield f"{name}: {list(scale.shape)} scales for {list(variance.shape)} running variances"
    if bool((scale == 0).all()):
        yield f"{name}: every scale is 0 (the branch starts as its shortcut: zero gamma, not trained yet?)"
    elif dead := int((scale == 0).sum()):
        yield f"{name}: {dead} of {scale.numel()} channels are dead (their scale is 0)"


def _statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var"))


def _depth(description: Description) -> int | None:
    row = VARIANTS.get(description.model)
    depth = description.arguments.get("depth") or (row.arguments.get("depth") if row else None)
    return depth if isinstance(depth, int) else None


def _how(source: str, contents: Contents, understood: Understood | None, odd: list[str], entry: str) -> str:
    name = source if source.startswith(tuple(FETCHERS)) else contents.path.name
    asked = f", entry={entry!r}" if entry else ""
    if understood is None:
        if "must hold a model of this library" not in odd[0]:
            return "not as it is: see the odd findings"
        return "not with this library: its names and shapes belong to no model here"
    if understood.differences(understood.description.arguments):
        return f"residuum.load({name!r}{asked}, strict=False) skips the tensors that do not fit and reports them"
    averaged = "; ema=False takes the weights that are not averaged" if contents.averaged else ""
    clear = not any(line.endswith(OVERRIDE) for line in odd)
    return f"residuum.load({name!r}{asked}{'' if clear else ', preprocessing=...'}){averaged}"
