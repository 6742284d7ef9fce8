"""Adapt weights trained on colour images to images with another number of channels: only the first filters change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ..errors import InputError
from ..models import Description, Preprocessing
from .layout import STEMS

RGB = 3


def fit_channels(tensors: dict[str, Tensor], wanted: int, source: str) -> dict[str, Tensor]:
    """Return the tensors with the first convolution's filters for ``wanted`` channels.

    For one channel the three colours' filters are summed, as if each channel held the grey image; for more they are
    repeated and scaled by 3 / wanted, so that the sums keep their scale. Both rules are timm's.

    Raises:
        InputError: filters for a number of channels other than three.
    """
    name = next((stem for stem in STEMS if stem in tensors), "")
    if not name or tensors[name].ndim != 4 or tensors[name].shape[1] == wanted:
        return tensors
    filters = tensors[name]
    if filters.shape[1] != RGB or wanted < 1:
        raise InputError(
            f"{source} must have filters for {RGB} channels to take in_chans={wanted}, got filters for "
            f"{filters.shape[1]}; leave in_chans out"
        )
    if wanted == 1:
        fitted = filters.float().sum(1, keepdim=True)
    else:
        fitted = filters.float().repeat(1, -(-wanted // RGB), 1, 1)[:, :wanted] * (RGB / wanted)
    return {**tensors, name: fitted.to(filters.dtype)}


def describe_channels(description: Description, wanted: int) -> Description:
    """Return the description with the preprocessing and provenance of the adapted first convolution."""
    how = "summed for grey images" if wanted == 1 else f"repeated for {wanted} channels"
    provenance = f"{description.provenance}; the first layer's filters are {how}"
    return replace(description, preprocessing=_grey(description.preprocessing, wanted), provenance=provenance)


def _grey(colour: Preprocessing | None, wanted: int) -> Preprocessing | None:
    """Return the preprocessing for one channel: the mean over the colours; None for any other number."""
    if colour is None or len(colour.mean) == wanted:
        return colour
    if wanted != 1:
        return None
    mean, std = (sum(values) / len(values) for values in (colour.mean, colour.std))
    return replace(colour, mean=(mean,), std=(std,))


def held_channels(tensors: Mapping[str, Tensor]) -> int:
    """Return the number of input channels of the first convolution, or 0 where there is none."""
    name = next((stem for stem in STEMS if stem in tensors), "")
    return tensors[name].shape[1] if name and tensors[name].ndim == 4 else 0
