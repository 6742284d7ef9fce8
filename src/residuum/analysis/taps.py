"""Taps: the outputs of named modules, and a network's blocks in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..nn import Block
from ..nn.modes import evaluation_mode


def blocks_of(model: nn.Module) -> dict[str, Block]:
    """Return a network's blocks by name, from stem to head.

    Raises:
        InputError: a network that is not made of blocks.
    """
    found = {name: module for name, module in model.named_modules() if isinstance(module, Block)}
    if not found:
        raise InputError(
            f"this analysis inspects blocks, and {type(model).__name__} has none; give a plain, residual, highway or "
            "dense network"
        )
    return found


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model into evaluation mode without gradients inside, each module back into its own mode after it."""
    with evaluation_mode(model), torch.no_grad():
        yield


@contextlib.contextmanager
def tapped(model: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Yield a dict that each forward pass inside fills with the named modules' outputs; the taps end with it."""
    caught: dict[str, Tensor] = {}
    modules = dict(model.named_modules())

    def catch(name: str) -> torch.utils.hooks.RemovableHandle:
        def hook(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            caught[name] = output

        return modules[name].register_forward_hook(hook)

    handles = [catch(name) for name in names]
    try:
        yield caught
    finally:
        for handle in handles:
            handle.remove()


def depth_points(model: nn.Module) -> list[str]:
    """Return the names of the modules at which depth is measured: the stem and every block."""
    stem = ["stem"] if "stem" in dict(model.named_children()) else []
    return [*stem, *blocks_of(model)]


def features_by_depth(model: nn.Module, images: Iterable[Tensor], *, pooled: bool = True) -> dict[str, Tensor]:
    """Return the output of the stem and of every block, by name, in order of depth.

    Args:
        model: a network of blocks.
        images: batches as the network receives them.
        pooled: average over positions, [N, channels]; else the whole map in a row, [N, channels * height * width].
    """
    names = depth_points(model)
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    with evaluating(model), tapped(model, names) as caught:
        for batch in images:
            model(batch)
            for name in names:
                maps = caught[name].flatten(2) if caught[name].ndim > 2 else caught[name].unsqueeze(2)
                parts[name].append(maps.mean(2) if pooled else maps.flatten(1))
    return {name: torch.cat(batches) for name, batches in parts.items()}
