"""Compare a loaded model with its publisher's own, once, before use."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..errors import InputError
from ..models import Description
from .sources import only_size

TOLERANCE = 1e-4  # of the largest logit; float32 sums in another order differ a hundred times less
SIDE = 224  # pixels of the random image, where the network takes any size


@torch.no_grad()
def check_logits(model: nn.Module, publisher: Callable[[], nn.Module], description: Description) -> None:
    """Compare the logits of both models on one random image, the same at every call.

    Args:
        model: the loaded model, in eval mode.
        publisher: builds or returns the publisher's own model with the same weights.
        description: of the loaded model.

    Raises:
        InputError: a difference above ``TOLERANCE`` of the largest logit.
    """
    side = only_size(description.model, description.arguments) or SIDE
    channels = next(parameter for parameter in model.parameters() if parameter.ndim == 4).shape[1]
    image = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(0))
    theirs = publisher().eval()(image)
    ours = model(image)
    scale = theirs.abs().max().clamp_min(1e-12)
    difference = float((ours - theirs).abs().max() / scale) if ours.shape == theirs.shape else float("inf")
    if not difference <= TOLERANCE:
        raise InputError(
            f"{description.model} must give its publisher's own logits within {TOLERANCE:g} of the largest, got "
            f"{difference:.2g}: the tensors are of another network; load it with the library that published it"
        )
