"""Post-training int8 with an accuracy check: layers whose rounding costs too much accuracy stay in float32.

The engines' own tools measure ranges of activations on calibration images; this module selects the layers to
leave out. A layer's damage is measured by rounding it alone (weights to 8 bits for each output channel,
inputs to 8 bits together) and measuring the change of the logits.
"""

from __future__ import annotations

import copy
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from residuum_runtime import Engine
from residuum_runtime.card import Card

from ..errors import ParityFailed
from ..nn.fold import AFFINE
from .calibration import Calibration, network_input
from .prepare import Prepared

Write = Callable[[Prepared, Path, Card], Path]
RANKED_ON = 32  # control images


def controlled(prepared: Prepared, write: Write, engine: str, card: Card, drop: float) -> Card:
    """Return the card whose ``kept`` names the fewest layers that accuracy on the control images needs.

    The most damaging layers are kept first: none, 1, 2, 4, ... of them, until the loss is within ``drop`` points.

    Raises:
        ParityFailed: the loss exceeds ``drop`` even with the most layers kept, up to half of them.
    """
    calibration: Calibration = prepared.made["calibration"]
    layers = [name for name, layer in prepared.graph.named_modules() if type(layer) in AFFINE]
    order: list[str] = []
    fall = 0.0
    for count in (0, *(1 << power for power in range(len(layers).bit_length()))):
        if count > len(layers) // 2:
            break
        order = order or (rank(prepared, calibration) if count else [])
        card = dataclasses.replace(card, kept=tuple(order[:count]))
        fall = calibration.reference - _percent(prepared, write, engine, card, calibration)
        if fall <= drop + 1e-9:
            made = {"pictures": len(calibration.images), "control": len(calibration.control), "control_drop": fall}
            return dataclasses.replace(card, made=card.made | {"calibration": made})
    raise ParityFailed(
        f"int8 must lose at most {drop:g} points on {len(calibration.control)} training images, but loses {fall:.2f} "
        f"with {len(card.kept)} of {len(layers)} layers in float32; allow a larger drop, or choose bf16"
    )


def _percent(prepared: Prepared, write: Write, engine: str, card: Card, calibration: Calibration) -> float:
    with tempfile.TemporaryDirectory() as folder:
        running = Engine(write(prepared, Path(folder), card), engine=engine)
        right = 0
        for first in range(0, len(calibration.control), 50):
            part = slice(first, first + 50)
            right += int((running.logits(calibration.control[part]).argmax(1) == calibration.labels[part]).sum())
    return 100 * right / len(calibration.control)


@torch.no_grad()
def rank(prepared: Prepared, calibration: Calibration) -> list[str]:
    """Return the layers' names, the one whose rounding moves the logits most first."""
    graph = copy.deepcopy(prepared.graph)
    images = network_input(prepared, calibration.control[:RANKED_ON])
    exact, moved = graph(images), {}
    for name, layer in graph.named_modules():
        if type(layer) not in AFFINE:
            continue
        weight = layer.get_parameter("weight")
        kept = weight.clone()
        weight.copy_(rounded_weight(weight))
        hook = layer.register_forward_pre_hook(_round_input)
        moved[name.removeprefix("network.")] = (graph(images) - exact).square().mean().item()
        hook.remove()
        weight.copy_(kept)
    return sorted(moved, key=lambda name: -moved[name])


def rounded_weight(weight: Tensor) -> Tensor:
    """Return the weights rounded to 255 levels around zero for each output channel."""
    largest = weight.flatten(1).abs().amax(1).clamp_min(1e-12).view(-1, *[1] * (weight.ndim - 1))
    return (weight / largest * 127).round() / 127 * largest


def rounded(x: Tensor) -> Tensor:
    """Return values rounded to 256 levels between the smallest and the largest."""
    low, high = x.min().clamp_max(0), x.max().clamp_min(0)
    step = ((high - low) / 255).clamp_min(1e-12)
    return ((x - low) / step).round() * step + low


def _round_input(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (rounded(inputs[0]), *inputs[1:])
