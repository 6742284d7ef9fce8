"""Classes of single pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from residuum_runtime import Prediction

from ..data import decode
from ..data.pixels import Normalise
from ..data.streaming import fitting
from ..errors import InputError
from ..models import describe


@torch.no_grad()
def predict(
    model: nn.Module, images: str | Path | Tensor | Sequence[str | Path | Tensor], *, top: int = 5
) -> list[Prediction]:
    """Return the likeliest classes of each picture.

    Args:
        model: from ``load`` or a run; its description says how to prepare pictures and what the classes are called.
        images: paths, or uint8 tensors [channels, height, width].
        top: how many classes.
    """
    description = describe(model)
    if (preprocessing := description.preprocessing) is None:
        raise InputError(
            "the model's file says nothing of preprocessing; save it with preprocessing=residuum.Preprocessing(...)"
        )
    pictures = [images] if isinstance(images, str | Path | Tensor) else list(images)
    height, width = preprocessing.size
    fit = fitting((height, width), preprocessing.resize)
    normalise = Normalise(preprocessing.mean, preprocessing.std, next(model.parameters()).device)
    found = []
    for number, picture in enumerate(pictures):
        pixels = picture if isinstance(picture, Tensor) else decode(picture)
        logits = model.eval()(normalise(fit(pixels).unsqueeze(0))).float()
        best = logits.softmax(1)[0].topk(min(top, logits.shape[1]))
        names = [description.classes[i] if description.classes else f"class {i}" for i in best.indices.tolist()]
        name = f"picture {number}" if isinstance(picture, Tensor) else str(picture)
        found.append(Prediction(name, names, best.values.tolist()))
    return found
