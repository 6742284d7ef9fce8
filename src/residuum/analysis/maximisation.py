"""Pictures that a unit answers most strongly to, found by gradient ascent (Olah 2017, "Feature Visualization")."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..data.pixels import Normalise
from ..errors import InputError
from ..seeds import generator
from .taps import tapped

Unit = Callable[[nn.Module, Tensor], Tensor]  # model and images to how strongly the unit answers to each: [N]


def class_unit(number: int) -> Unit:
    """Return the logit of a class."""

    def answer(model: nn.Module, images: Tensor) -> Tensor:
        return model(images)[:, number]

    return answer


def channel_unit(module: str, channel: int) -> Unit:
    """Return the mean over positions of a channel of a named module's output."""

    def answer(model: nn.Module, images: Tensor) -> Tensor:
        with tapped(model, [module]) as caught:
            model(images)
        return caught[module][:, channel].flatten(1).mean(1)

    return answer


def maximised(
    model: nn.Module,
    unit: Unit,
    normalise: Normalise,
    shape: tuple[int, int, int],
    *,
    steps: int = 64,
    rate: float = 0.05,
    smoothness: float = 0.05,
    seed: int = 0,
) -> tuple[Tensor, list[float]]:
    """Return a picture that makes the unit answer strongly, and its answer at each step.

    Adam climbs the unit's answer less ``smoothness`` times the picture's total variation; pixels stay within 0..1 as
    the sigmoid of what is climbed, and each step sees the picture shifted by up to an eighth of its side, so that no
    fine pattern of one place wins. Start and shifts belong to the stream ``maximise``.

    Args:
        model: the network; it is left as it was.
        unit: what is to answer.
        normalise: the model's own.
        shape: channels, height, width of the picture.
        steps: of Adam.
        rate: its step.
        smoothness: weight of the total variation, in answers per (summed absolute difference / side).
        seed: of the stream.

    Returns:
        float32 [C, H, W] within 0..1; answers, one a step, the first of the start.
    """
    if steps < 1:
        raise InputError(f"maximisation takes 1 step or more, got {steps}")
    draw = generator(seed, "maximise")
    climbed = (0.1 * torch.randn(1, *shape, generator=draw)).requires_grad_()
    climber = torch.optim.Adam([climbed], lr=rate)
    answers, modes = [], [(module, module.training) for module in model.modules()]
    wanted = [(weights, weights.requires_grad) for weights in model.parameters()]
    reach = max(1, shape[2] // 8)
    try:
        model.eval().requires_grad_(False)
        for _ in range(steps):
            down, right = torch.randint(-reach, reach + 1, (2,), generator=draw).tolist()
            picture = climbed.sigmoid()
            answer = unit(model, _normalised(picture.roll((down, right), (2, 3)), normalise))[0]
            answers.append(answer.item())
            climber.zero_grad()
            (smoothness * total_variation(picture) / shape[2] - answer).backward()
            climber.step()
    finally:
        for module, mode in modes:
            module.training = mode
        for weights, needed in wanted:
            weights.requires_grad_(needed)
    return climbed.detach().sigmoid()[0], answers


def total_variation(pictures: Tensor) -> Tensor:
    """Return the summed absolute difference of neighbouring values."""
    return pictures.diff(dim=2).abs().sum() + pictures.diff(dim=3).abs().sum()


def _normalised(picture: Tensor, normalise: Normalise) -> Tensor:
    """Return what the network receives of values 0..1: the same as ``normalise`` of 255 times as many."""
    return torch.addcmul(normalise.shift, 255 * picture, normalise.scale)
