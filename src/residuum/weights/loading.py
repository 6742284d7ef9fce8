"""Load a weights file of any known source as a model."""

from __future__ import annotations

import dataclasses
import inspect
import os
import warnings
from typing import Any

from torch import nn

from .. import models
from ..errors import InputError
from ..models import Description, attach
from .channels import describe_channels, fit_channels, held_channels
from .fit import Differences, fill
from .metadata import KEY
from .origin import trained_content, trained_on
from .pretrained import fetch
from .published import check_logits
from .reading import Contents
from .transformer_facts import read_facts
from .understand import understand
from .understood import Understood, build, build_meta

# Overrides that load() takes beside a model's own arguments: fields of the description.
DESCRIBED = ("classes", "preprocessing", "metrics", "licence", "provenance")


def load(path: str | os.PathLike[str], *, strict: bool = True, **overrides: Any) -> nn.Module:
    """Return the model that a weights file holds, in eval mode, with its ``description``.

    The file may be this library's own, or hold a state dict with another library's names, in safetensors or torch's
    format, under any wrapper. Where names and shapes cannot decide, the source's convention does;
    ``description.provenance`` lists the assumptions. No code in the file is run. Numbers of any precision become
    float32, which is exact except for float64. Where the file, a configuration beside it or its publisher names an
    architecture, the tensors must match it; for ``torchvision:`` and ``timm:`` the logits must equal the logits of
    the publisher's own model.

    Args:
        path: a file, a run folder (its ``model.safetensors``), or a published name: ``torchvision:NAME``,
            ``timm:NAME``, ``hf://OWNER/NAME``, fetched by those libraries into their caches.
        strict: whether every tensor must fit; if not, a warning and the provenance list the skipped tensors.
        overrides: ``entry`` (which of a checkpoint's entries or networks, such as ``"teacher"``);
            ``model`` (a name) and its arguments; ``classes``, ``preprocessing``, ``metrics``, ``licence``,
            ``provenance``; ``ema`` (whether to load the averaged copy, where a file has both; by default it is).

    Raises:
        InputError: no such file, not a weights file, one that wants to run code, no model that fits, or tensors
            that do not fit, listed by name; several networks, none of which ``entry`` names; another architecture than
            the named one; a configuration beside the file that cannot be understood; the message names the key.

    >>> model = residuum.load("runs/mine")
    >>> model.num_classes, model.training
    (10, False)
    """
    contents, beside = fetch(path, overrides.pop("entry", None) or "")
    name = overrides.pop("model", None)
    facts = dataclasses.replace(read_facts(contents.path), heads=overrides["heads"]) if "heads" in overrides else None
    if overrides.get("preprocessing") is not None:  # overrides the configuration beside the file
        beside = dataclasses.replace(beside, preprocessing=overrides["preprocessing"], trouble="", prepared_by="given")
    understood = understand(contents, beside, overrides.pop("ema", None), name or "", facts)
    described = {key: overrides.pop(key) for key in DESCRIBED if key in overrides}
    description = dataclasses.replace(_override(contents, understood.description, name, overrides), **described)
    if description.arguments.get("features_only"):
        understood.tensors = _wanted(understood, description)
    wanted = description.arguments.get("in_chans")
    if isinstance(wanted, int) and held_channels(understood.tensors) not in (0, wanted):
        understood.tensors = fit_channels(understood.tensors, wanted, contents.path.name)
        description = describe_channels(description, wanted)
    differences = understood.differences(description.arguments, description.model)
    if differences and strict:
        raise InputError(_refusal(contents, understood, description, differences))
    fitting = _fitting(understood, differences)
    model = fill(lambda: build(description.model, description.arguments), fitting, whole=not differences)
    if differences:
        warnings.warn(f"{contents.path.name}: left out or left new\n{differences}", stacklevel=2)
        description.provenance += f"; {len(differences)} entries left out or left new"
    elif beside.publisher is not None and not description.arguments.get("features_only"):
        check_logits(model.eval(), beside.publisher, description)
    model.trained_on = trained_on(contents.path)  # pyright: ignore[reportAttributeAccessIssue,reportArgumentType]
    model.trained_content = trained_content(contents.path)  # pyright: ignore[reportAttributeAccessIssue,reportArgumentType]
    if understood.outside:
        warnings.warn(f"{contents.path.name}: left out {understood.describe_beside()}", stacklevel=2)
    return attach(model.eval(), description)


def _wanted(understood: Understood, description: Description) -> dict[str, Any]:
    """Return the tensors without the head and the late stages that the requested feature maps do not need."""
    built = build_meta(description.model, description.arguments)
    return {name: value for name, value in understood.tensors.items()
            if name in built or not name.startswith(("head.", "stages."))}  # fmt: skip


def _override(contents: Contents, found: Description, name: str | None, arguments: dict[str, Any]) -> Description:
    """Return the description, with the caller's name and arguments overriding the file's."""
    if name is None or name == found.model:
        return dataclasses.replace(found, arguments={**found.arguments, **arguments})
    wanted, held = _builder(name), _builder(found.model)
    fixed = models.VARIANTS[name].arguments if name in models.VARIANTS else {}
    if wanted is not held and KEY in contents.metadata:
        raise InputError(f"{contents.path.name} holds {found.model}, got {name!r}; name that, or give other weights")
    taken = inspect.signature(wanted).parameters if wanted is not None else {}
    kept = {key: value for key, value in _full(found).items() if key in taken and key not in fixed}
    return dataclasses.replace(found, model=name, arguments={**kept, **arguments})


def _builder(name: str) -> Any:
    return models.VARIANTS[name].builder if name in models.VARIANTS else models.BUILDERS.get(name)


def _full(found: Description) -> dict[str, Any]:
    fixed = models.VARIANTS[found.model].arguments if found.model in models.VARIANTS else {}
    return {**fixed, **found.arguments}


def _fitting(understood: Understood, differences: Differences) -> dict[str, Any]:
    wrong = {*differences.unexpected, *differences.shapes}
    return {name: value for name, value in understood.tensors.items() if understood.spell(name) not in wrong}


def _refusal(contents: Contents, understood: Understood, wanted: Description, differences: Differences) -> str:
    """Raise the error on tensors that do not fit; a last layer of another size has its own message."""
    head = understood.tensors.get("head.fc.weight")
    heads = {understood.spell(f"head.fc.{leaf}") for leaf in ("weight", "bias")}
    classes = wanted.arguments.get("num_classes", "another number of")
    only_heads = not ({*differences.missing, *differences.unexpected, *differences.shapes} - heads)
    if head is not None and only_heads and classes != len(head):
        return (
            f"{contents.path.name} holds weights for {len(head)} classes, got num_classes={classes}; leave num_classes "
            f"out, then model.reset_classifier({classes}) gives a new last layer to fine-tune"
        )
    return (
        f"{contents.path.name} must fit {wanted.model}, {len(differences)} entries do not:\n{differences}\n"
        "Name the model that wrote it (model=NAME), or load the tensors that fit with strict=False"
    )
