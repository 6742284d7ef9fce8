"""Images that maximise a unit's response, by gradient ascent (Olah 2017, "Feature Visualization")."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from ..data.pixels import Normalise
from ..errors import InputError
from ..nn.modes import evaluation_mode
from ..seeds import generator
from .taps import tapped

Units = Callable[[nn.Module, Tensor], Tensor]  # model, images [N, ...] to the response of unit i to image i: [N]


def class_units(numbers: Sequence[int]) -> Units:
    """Return the logits of classes, one for each image."""

    def answers(model: nn.Module, images: Tensor) -> Tensor:
        return model(images)[range(len(numbers)), list(numbers)]

    return answers


def channel_units(module: str, channels: Sequence[int]) -> Units:
    """Return the means over positions of channels of a named module's output, one for each image."""

    def answers(model: nn.Module, images: Tensor) -> Tensor:
        with tapped(model, [module]) as caught:
            model(images)
        return caught[module][range(len(channels)), list(channels)].flatten(1).mean(1)

    return answers


def maximised(
    model: nn.Module,
    units: Units,
    normalise: Normalise,
    shape: tuple[int, int, int, int],
    *,
    steps: int = 64,
    rate: float = 0.05,
    smoothness: float = 0.05,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return images that each maximise one unit's response, and the responses at each step.

    Adam maximises each unit's response less ``smoothness`` times its image's total variation; pixels stay within 0..1
    as the sigmoid of the variables, and each step sees the images shifted by up to an eighth of their side, so that no
    fine pattern of one place wins. Start and shifts come from the stream ``maximise``. The images are independent.

    Args:
        model: the network; it stays unchanged.
        units: the units, one per image.
        normalise: the model's own.
        shape: images, channels, height, width.
        steps: of Adam.
        rate: its step.
        smoothness: weight of the total variation, in answers per (summed absolute difference / side).
        seed: of the stream.

    Returns:
        float32 [N, C, H, W] within 0..1; answers [steps, N], the first those to the start.
    """
    if steps < 1:
        raise InputError(f"maximisation takes 1 step or more, got {steps}")
    draw, reach = generator(seed, "maximise"), max(1, shape[3] // 8)
    climbed = (0.1 * torch.randn(shape, generator=draw)).requires_grad_()
    climber = torch.optim.Adam([climbed], lr=rate)
    found = []
    with _freeze(model):
        for _ in range(steps):
            down, right = torch.randint(-reach, reach + 1, (2,), generator=draw).tolist()
            pictures = climbed.sigmoid()
            answers = units(model, _normalised(pictures.roll((down, right), (2, 3)), normalise))
            found.append(answers.detach().clone())
            climber.zero_grad()
            (smoothness * total_variation(pictures) / shape[3] - answers).sum().backward()
            climber.step()
    return climbed.detach().sigmoid(), torch.stack(found)


@contextlib.contextmanager
def _freeze(model: nn.Module) -> Iterator[None]:
    """Put the model into evaluation mode, its weights without gradients; restore both afterwards."""
    wanted = [(weights, weights.requires_grad) for weights in model.parameters()]
    try:
        with evaluation_mode(model.requires_grad_(False)):
            yield
    finally:
        for weights, needed in wanted:
            weights.requires_grad_(needed)


def total_variation(pictures: Tensor) -> Tensor:
    """Return the summed absolute difference of neighbouring values of each image: [N]."""
    return pictures.diff(dim=2).abs().sum((1, 2, 3)) + pictures.diff(dim=3).abs().sum((1, 2, 3))


def _normalised(pictures: Tensor, normalise: Normalise) -> Tensor:
    """Return the network's input for values 0..1: equal to ``normalise`` of 255 times the values."""
    return torch.addcmul(normalise.shift, 255 * pictures, normalise.scale)
