"""The network on which laws are checked, with examples that fit it."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models import describe
from ...models.anatomy import example_shape
from ...seeds import drawing

EXAMPLES = 2
SIZES = {"scale": 0.5, "shift": 0.1}  # how far a new network's norms are moved from 1 and 0


@dataclass
class Subject:
    """A network in float64 and evaluation mode with examples that fit it."""

    name: str
    network: nn.Module
    inputs: Tensor  # images [2, C, H, W] or tokens [2, T]
    labels: Tensor  # classes [2], or words [2, T]

    def loss(self, network: nn.Module | None = None) -> Tensor:
        """Return the cross-entropy of the network, or of another one, on the examples."""
        logits = (network or self.network)(self.inputs)
        return F.cross_entropy(logits.flatten(0, -2), self.labels.flatten() % logits.shape[-1])


def make_subject(network: nn.Module, name: str = "", *, new: bool = False, seed: int = 0) -> Subject:
    """Return a float64 copy of the network with examples of its input size.

    Args:
        network: from ``create_model`` or ``load``; it is not changed.
        name: of the network; by default that of its description.
        new: whether it is untrained. Its norms then get scales, shifts and statistics other than 1 and 0, so that a law
            does not hold by chance.
        seed: of the stream ``laws``, which draws the examples.
    """
    shape = example_shape(network)
    copied = copy.deepcopy(network).double().requires_grad_(True)
    with drawing(seed, "laws"):
        if len(shape) == 1:
            words = int(copied.get_submodule("stem.words").get_parameter("weight").shape[0])
            inputs = torch.randint(words, (EXAMPLES, *shape))
            labels = torch.randint(words, (EXAMPLES, *shape)) if ends_in_words(copied) else torch.arange(EXAMPLES)
        else:
            inputs = torch.randn(EXAMPLES, *shape, dtype=torch.float64)
            labels = torch.randint(1 << 30, (EXAMPLES,))
        if new:
            settle(copied, inputs)
    return Subject(name or describe(network).model, copied.eval(), inputs, labels)


def ends_in_words(network: nn.Module) -> bool:
    """Return whether a network on tokens returns logits for each position rather than for the text."""
    return not hasattr(network.get_submodule("head"), "fc")


@torch.no_grad()
def settle(network: nn.Module, inputs: Tensor) -> None:
    """Move every norm's scale and shift a little, and let batch norms take their statistics from one pass."""
    for module in network.modules():
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if isinstance(weight, Tensor) and isinstance(bias, Tensor) and weight.ndim == 1:
            weight.uniform_(1 - SIZES["scale"], 1 + SIZES["scale"])
            bias.normal_(0, SIZES["shift"])
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # the statistics of the last pass alone
    without_chance(network).train()(inputs)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def without_chance(network: nn.Module) -> nn.Module:
    """Set every probability of dropping to 0, in place, so that training passes can be compared; return the network."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(getattr(module, "drop", None), float):
            module.drop = 0.0  # type: ignore[assignment]
    return network
