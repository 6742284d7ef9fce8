"""A classifier applied at every place of a larger image: the fully-convolutional form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..models import describe
from ..nn import Network


def window_of(model: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of the feature map that the head receives for images of the size trained on.

    Raises:
        InputError: a model whose head does not receive a map, and which therefore takes images of one size only.
    """
    with torch.no_grad():
        found = None
        if isinstance(model, Network) and model.in_chans is not None and not hasattr(model.stem, "image_size"):
            reference = next(model.parameters())
            found = model.forward_features(torch.zeros(1, model.in_chans, *size).to(reference)).shape
    if found is None or len(found) != 4:
        raise InputError(
            f"several scales need a convolutional network, which takes images of any size, got "
            f"{describe(model).model}; use --views ten-crop"
        )
    return found[2], found[3]


def dense_logits(model: Network, images: Tensor, window: tuple[int, int]) -> Tensor:
    """Return the head's logits averaged over all places: [N, num_classes] for images [N, C, H, W] of any size.

    The head sees each window of the feature map as large as the one it was trained on, one position apart; the
    averaging of the class score map is that of Simonyan and Zisserman 2014, section 3.2, to which He15 section 3.4
    refers. On images of the trained size there is one window, and these are the ordinary logits. The head sees a map
    smaller than the window whole.
    """
    maps = model.forward_features(images)
    height, width = min(window[0], maps.shape[2]), min(window[1], maps.shape[3])
    rows = range(maps.shape[2] - height + 1)
    total = torch.zeros(())
    for top in rows:  # a row of windows at a time bounds the memory
        windows = maps[:, :, top : top + height].unfold(3, width, 1).permute(0, 3, 1, 2, 4)  # [N, places, C, h, w]
        logits = model.head(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
        total = total + logits.mean(1, dtype=torch.promote_types(logits.dtype, torch.float32))
    return total / len(rows)
