"""What a run starts from: a model's name, weights that a file, a run or a publisher has, or a model that was built."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import InputError
from ..files import make_folder
from ..models import BUILDERS, VARIANTS, Description
from ..models.description import NEW_WEIGHTS
from ..nn.modes import evaluation_mode
from ..weights import load, save, write_safetensors
from ..weights.opening import names_weights

START = "start.safetensors"  # in a run's folder, where it was handed a model
SIDE = 64  # pixels, of a network that takes images of any size
TOLERANCE = 1e-3  # of the largest logit

Model = nn.Module | str | os.PathLike[str]


@contextmanager
def starting_from(model: Model | None, output: str | Path, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the settings with which a run starts from ``model``; where the block fails, no file of it stays.

    A module's weights become ``OUTPUT/start.safetensors``, which the run's ``config.yaml`` names as its weights: the
    run resumes, before its first checkpoint too, in a process that never saw the module.

    Args:
        model: a module; a weights file, a run's folder or a published name; a model's name; None for the default.
        output: the run's folder.
        settings: the others, by name.

    Raises:
        InputError: weights beside a model that brings its own, or a module that no file can rebuild.
    """
    named = isinstance(model, str) and (_is_name(model) or not names_weights(model))
    if named or not isinstance(model, nn.Module | str | os.PathLike):  # of another kind: new_run refuses it
        yield {**settings, **({} if model is None else {"model": model})}
        return
    if settings.get("weights") is not None:
        raise InputError(f"weights={settings['weights']!r} must not stand beside a model that has its own; give one")
    if not isinstance(model, nn.Module):
        yield {**settings, "weights": os.fspath(model)}
        return
    folder = Path(output)
    stood, path = folder.exists(), folder / START
    if stood and (not folder.is_dir() or any(folder.iterdir())):
        yield dict(settings)  # new_run refuses the folder
        return
    try:
        make_folder(folder)
        write_start(model, path)
        yield {**settings, "weights": str(path)}
    except BaseException:
        if not (folder / "config.yaml").exists():  # nothing began
            path.unlink(missing_ok=True)
            if not stood and not any(folder.iterdir()):
                folder.rmdir()
        raise


def write_start(model: nn.Module, path: Path) -> None:
    """Write a module as a weights file that builds it again, and hold the two against each other.

    A module of this library is saved by its description, another's (torchvision's, timm's) by its state dict, which
    must be one that ``load`` recognises. Either way the file's model must give the module's logits.

    Raises:
        InputError: it does not, parameters are frozen, or the state dict is of no model known here.
    """
    described = getattr(model, "description", None)
    if isinstance(described, Description):
        save(model, path, provenance=described.provenance or NEW_WEIGHTS)
        again = load(path)
    else:
        again = _recognised(model, path)
        save(again, path)
    frozen = sorted(name for name, parameter in model.named_parameters() if not parameter.requires_grad)
    if len(frozen) != sum(not parameter.requires_grad for parameter in again.parameters()):
        raise InputError(
            f"a run decides which parameters learn, but {', '.join(frozen[:3]) or 'none'} of the model are frozen; set "
            "requires_grad as it was built, and say freeze=N for the first N of stem and stages"
        )
    _check_same(model, again)


def _recognised(model: nn.Module, path: Path) -> nn.Module:
    kind = type(model).__name__
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    try:
        write_safetensors(tensors, path, {})
        return load(path)
    except InputError as error:
        raise InputError(
            f"train_model takes a module that a file can rebuild, so that its run can resume, got {kind}: "
            f"{str(error).splitlines()[0]}. Take one from residuum.create_model, or train yours step by step with "
            "residuum.training.train_steps"
        ) from error


@torch.no_grad()
def _check_same(model: nn.Module, again: nn.Module) -> None:
    """Refuse a module whose parts were changed in a way that no file shows."""
    shape = _example(again)
    if shape is None:
        return
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    reference = next(model.parameters())
    with evaluation_mode(model), evaluation_mode(again):
        ours = again(images)
        theirs = model(images.to(reference.device, reference.dtype))
    if ours.shape != theirs.shape or (ours - theirs.cpu().float()).abs().max() > TOLERANCE * (1 + ours.abs().max()):
        raise InputError(
            f"the model must be what its weights and description build ({_described(again).model}), so that its run "
            "can resume, but it answers otherwise: parts without weights were changed; build it with arguments instead"
        )


def _example(model: nn.Module) -> tuple[int, ...] | None:
    """Return the shape of an image that the network takes; None for networks on text."""
    described = _described(model)
    row = VARIANTS.get(described.model)
    builder = row.builder if row is not None else BUILDERS[described.model]
    taken = {key: value.default for key, value in inspect.signature(builder).parameters.items()}
    arguments = {**taken, **(row.arguments if row is not None else {}), **described.arguments}
    if "in_chans" not in arguments:
        return None
    side = arguments.get("image_size") or max(SIDE, getattr(model, "min_size", 1))
    return (arguments["in_chans"], side, side)


def _described(model: nn.Module) -> Description:
    described = getattr(model, "description", None)
    assert isinstance(described, Description)
    return described


def _is_name(word: str) -> bool:
    return word in VARIANTS or word in BUILDERS
