"""Saliency: the parts of an image that support a class.

Grad-CAM asks a feature map: which places, where they answer more, raise the class's logit? Integrated gradients asks
the pixels: how much does each add to the logit on the path from a black image to this one?
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from residuum_runtime.given import one
from residuum_runtime.predictions import answer_names

from ..data.pixels import Normalise
from ..data.streaming import fitting
from ..errors import InputError, nearest
from ..evaluation.accuracy import as_classes
from ..models import describe
from ..models.description import check_classifier, preprocessing_of
from ..nn import Network
from ..nn.modes import evaluation_mode

STEPS = 64  # points on the path from black to the image
AT_A_TIME = 16  # of the points


class Seen(NamedTuple):
    """An image as a network receives it."""

    pixels: Tensor  # uint8 [C, H, W], resized and cropped; colours as the file has them
    image: Tensor  # float [1, in_chans, H, W], normalised
    black: Tensor  # float [1, in_chans, H, W], a black image likewise


class Attribution(NamedTuple):
    """The contribution of each value of the input to a logit."""

    values: Tensor  # [in_chans, H, W]
    added: float  # their sum
    difference: float  # the logit of the image less that of the black one: their sum without the rule's error


def look(model: nn.Module, image: Any, max_pixels: int | None = None) -> Seen:
    """Prepare an image as the model's description says.

    Args:
        model: from ``load`` or a run.
        image: one of what ``residuum.predict`` takes: a path, bytes, a file object, a PIL image, an array or tensor of
            uint8 or of floats 0..1.
        max_pixels: the largest image, pixels [default: ``residuum_runtime.reading.MAX_PIXELS``].

    Raises:
        InputError: a model without preprocessing or without a classifier, or something that is not an image.
    """
    preprocessing = preprocessing_of(model)
    height, width = preprocessing.size
    given = one(image, len(preprocessing.mean), max_pixels)
    fit = fitting((height, width), preprocessing.resize, preprocessing.interpolation)
    pixels = fit(torch.from_numpy(given.pixels()))
    normalise = Normalise(preprocessing.mean, preprocessing.std, next(model.parameters()).device)
    seen, black = (normalise(each.unsqueeze(0)).contiguous() for each in (pixels, torch.zeros_like(pixels)))
    return Seen(pixels, seen, black)


def stage_names(model: nn.Module) -> list[str]:
    """Return the stages of a convolutional network, whose outputs Grad-CAM can read.

    Raises:
        InputError: a network without feature maps.
    """
    if not isinstance(model, Network) or model.in_chans is None or hasattr(model.stem, "image_size"):
        raise InputError(
            f"Grad-CAM needs the feature maps of a convolutional network, got {describe(model).model}; "
            "use integrated gradients, which needs only pixels"
        )
    return [f"stages.{number}" for number in range(len(model.stages))]


def grad_cam(model: nn.Module, image: Tensor, target: int, layer: str) -> Tensor:
    """Return where a layer's output supports a class: [H, W] of the layer's map, 0 or more.

    relu(sum over channels k of alpha_k A_k), alpha_k the mean over places of d logit / d A_k.
    Source: Selvaraju et al. 2016, arXiv:1610.02391, eq. 1 and 2.

    Args:
        model: a network; it runs in evaluation mode.
        image: [1, C, H, W] as the network receives it.
        target: the class's number.
        layer: name of a module that gives a feature map [1, channels, H, W].
    """
    caught: list[Tensor] = []

    def catch(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        caught.append(output)

    handle = model.get_submodule(layer).register_forward_hook(catch)
    try:
        logit = _logits(model, image.clone().requires_grad_(True))[0, target]
    finally:
        handle.remove()
    slope = torch.autograd.grad(logit, caught[-1])[0]
    maps = caught[-1].detach()
    if maps.ndim != 4:
        raise InputError(f"Grad-CAM needs a feature map [N, channels, H, W], but {layer} gives {list(maps.shape)}")
    return torch.relu((slope.mean((2, 3), keepdim=True) * maps).sum(1))[0]


def integrated_gradients(
    model: nn.Module, image: Tensor, target: int, baseline: Tensor, *, steps: int = STEPS
) -> Attribution:
    """Return the contribution of each value of the input to a class's logit on the straight path from the baseline.

    (x - x') times the integral of d logit / d x over the path, by Gauss and Legendre's rule. The contributions add up
    to the difference of the logits at both ends (completeness), but for the rule's error, which falls with ``steps``.
    Source: Sundararajan et al. 2017, arXiv:1703.01365, eq. 1 and proposition 1.

    Args:
        model: a network; it runs in evaluation mode.
        image: [1, C, H, W] as the network receives it.
        target: the class's number.
        baseline: the start of the path, like ``image``: a black image.
        steps: points on the path.
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    shares = torch.from_numpy((points + 1) / 2).to(image)
    parts = torch.from_numpy(weights / 2).to(image)
    total = torch.zeros_like(image[0])
    for share, part in zip(shares.split(AT_A_TIME), parts.split(AT_A_TIME), strict=True):
        on_the_way = (baseline + share.view(-1, 1, 1, 1) * (image - baseline)).requires_grad_(True)
        slopes = torch.autograd.grad(_logits(model, on_the_way)[:, target].sum(), on_the_way)[0]
        total += (part.view(-1, 1, 1, 1) * slopes).sum(0)
    values = total * (image - baseline)[0]
    with torch.no_grad():
        at_end, at_start = (float(_logits(model, each)[0, target]) for each in (image, baseline))
    return Attribution(values, float(values.sum()), at_end - at_start)


def pick_class(model: nn.Module, target: str | None, image: Tensor) -> tuple[int, str, float]:
    """Return the class's number, name and probability: the likeliest one, or the one named (a name or a number).

    Raises:
        InputError: a class that the model does not know.
    """
    check_classifier(model)
    with torch.no_grad(), evaluation_mode(model):
        logits = model(image)
    shares, classes = as_classes(logits)[0].softmax(0), describe(model).classes
    names = answer_names(logits.shape[1], classes) if classes or logits.shape[1] == 1 else []
    if target is None:
        number = int(shares.argmax())
    elif target in names:
        number = names.index(target)
    elif target.isdigit() and int(target) < len(shares):
        number = int(target)
    else:
        known = nearest(target, names) if names else f"give a number from 0 to {len(shares) - 1}"
        raise InputError(f"the model knows no class {target!r}; {known}")
    return number, names[number] if names else f"class {number}", float(shares[number])


def enlarged(heat: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a map [h, w] at another size, bilinear."""
    return F.interpolate(heat[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    """Return a logit for each answer: of one logit z, a yes or no, -z stands for no and z for yes."""
    with evaluation_mode(model):
        logits = model(images)
    return torch.cat([-logits, logits], 1) if logits.shape[1] == 1 else logits
