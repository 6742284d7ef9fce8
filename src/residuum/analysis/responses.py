"""Responses: the strength of each layer's output (He15 section 4.2, figure 7).

The response of a layer is its output after its norm and before nonlinearity or addition; its strength is the standard
deviation over images, channels and positions. Layers of the shortcut or the merge are not layers of the branch and are
left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn

from ..errors import InputError
from .taps import evaluating

LAYERS = (nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm2d, nn.BatchNorm1d, nn.LayerNorm, nn.GroupNorm)


class Response(NamedTuple):
    """The strength of one layer's response."""

    layer: str  # the convolution's or linear layer's name
    measured_at: str  # the norm behind it, or the layer itself
    deviation: float  # standard deviation over images, channels and positions
    closes: bool  # the last layer of its branch, whose output joins the stream


class Spread:
    """Mean and standard deviation of numbers in several parts, float64."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, values: Tensor) -> None:
        """Add a part (Chan's pairwise update)."""
        count, mean = values.numel(), values.double().mean().item()
        squares = (values.double() - mean).square().sum().item()
        total, apart = self.count + count, mean - self.mean
        self.squares += squares + apart**2 * self.count * count / total
        self.mean += apart * count / total
        self.count = total

    @property
    def deviation(self) -> float:
        """The standard deviation, over all of them."""
        return math.sqrt(self.squares / self.count)


def responses(model: nn.Module, images: Iterable[Tensor]) -> list[Response]:
    """Return the response of every layer of stem and branches, in the order in which an image passes them.

    Args:
        model: any network of convolutions or linear layers; it stays unchanged.
        images: batches as the network receives them.

    Raises:
        InputError: no image, or a network without such layers.
    """
    layers = _answering(model)
    spreads = {name: Spread() for name in layers}
    places: dict[str, str] = {}
    latest: dict[str, Tensor] = {}

    def from_layer(name: str):
        def hook(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            latest[name], places[name] = output, name

        return hook

    def from_norm(name: str):
        def hook(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            for layer, answer in latest.items():
                if answer is given[0]:  # the same tensor: this norm stands behind that layer
                    latest[layer], places[layer] = output, name

        return hook

    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(from_layer(name)) for name in layers]
    norms = [name for name, module in modules.items() if isinstance(module, NORMS)]
    handles += [modules[name].register_forward_hook(from_norm(name)) for name in norms]
    seen = 0
    try:
        with evaluating(model):
            for batch in images:
                latest.clear()
                model(batch)
                seen += len(batch)
                for name, answer in latest.items():
                    spreads[name].add(answer)
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise InputError("responses need at least one image, got none")
    closing = _closing(places)
    return [Response(name, places[name], spreads[name].deviation, name in closing) for name in places]


def _answering(model: nn.Module) -> list[str]:
    """Return the names of the layers of stem and branches: not those of shortcuts, merges and the classifier."""
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, LAYERS) and not {"shortcut", "merge", "head", "se", "classifier"} & set(name.split("."))
    ]
    if not names:
        raise InputError(f"responses need convolutions or linear layers, and {type(model).__name__} has none")
    return names


def _closing(names: Iterable[str]) -> set[str]:
    """Return the last layer of each branch."""
    last: dict[str, str] = {}
    for name in names:
        if ".branch." in name:
            last[name.split(".branch.")[0]] = name
    return set(last.values())
