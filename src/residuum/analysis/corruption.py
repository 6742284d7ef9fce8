"""Corruptions of images that measure a model's robustness (after Hendrycks 2019, arXiv:1903.12261).

Each takes and returns uint8 pixels [N, C, H, W], as a camera or a file would, before the model's own normalisation;
strength 0 changes nothing. Draws come from the stream ``corrupt`` of a seed: two models given the same seed
see the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..compat import import_torchvision
from ..errors import InputError, pick
from ..seeds import drawing
from .sample import Sample, hits
from .weather import APPLY, CONSTANTS


class Corruption(NamedTuple):
    """A way to corrupt images."""

    apply: Callable[[Tensor, float], Tensor]  # pixels, strength
    strength: str  # meaning and unit of the strength
    strengths: tuple[float, ...]  # a useful range, the weakest first


def gaussian_noise(pixels: Tensor, strength: float) -> Tensor:
    """Add normal noise of that standard deviation (of values 0..1) to each value, and clip."""
    # On bytes torchvision truncates the noise, which makes it weaker than requested: add it to fractions, then round.
    return _functional().gaussian_noise(pixels / 255, 0.0, strength, True).mul(255).round().to(torch.uint8)


def blur(pixels: Tensor, strength: float) -> Tensor:
    """Convolve with a Gaussian of that standard deviation, pixels."""
    reach = max(1, round(3 * strength))
    reach = min(reach, min(pixels.shape[-2:]) - 1)  # mirroring the border needs that many pixels
    return _functional().gaussian_blur(pixels, [2 * reach + 1] * 2, [strength, strength])


def lower_contrast(pixels: Tensor, strength: float) -> Tensor:
    """Move every value that share of the way to the image's mean grey."""
    return _functional().adjust_contrast(pixels, 1 - strength)


def occlusion(pixels: Tensor, strength: float) -> Tensor:
    """Cover that share of each image's area with a grey square at a random place."""
    count, _, height, width = pixels.shape
    tall, wide = (max(1, round(strength**0.5 * side)) for side in (height, width))
    top = torch.randint(0, height - tall + 1, (count, 1, 1))
    left = torch.randint(0, width - wide + 1, (count, 1, 1))
    rows, columns = torch.arange(height).view(1, -1, 1), torch.arange(width).view(1, 1, -1)
    covered = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return torch.where(covered.unsqueeze(1), torch.tensor(128, dtype=torch.uint8), pixels)


CORRUPTIONS: dict[str, Corruption] = {
    "noise": Corruption(gaussian_noise, "standard deviation of values 0..1", (0.02, 0.05, 0.1, 0.2, 0.3)),
    "blur": Corruption(blur, "standard deviation, pixels", (0.4, 0.6, 0.8, 1.2, 1.6)),
    "contrast": Corruption(lower_contrast, "share of the contrast taken away", (0.3, 0.5, 0.7, 0.8, 0.9)),
    "occlusion": Corruption(occlusion, "share of the area covered", (0.05, 0.1, 0.2, 0.35, 0.5)),
}


def _benchmark(kind: str) -> Corruption:
    """Return a corruption of CIFAR-10-C: its strength is the severity, a whole number from 1 to 5."""

    def apply(pixels: Tensor, strength: float) -> Tensor:
        spoilt = APPLY[kind](pixels / 255, *CONSTANTS[kind][int(strength) - 1])
        return spoilt.clamp(0, 1).mul(255).round().to(torch.uint8)

    return Corruption(apply, SEVERITY, (1, 3, 5))


SEVERITY = "severity, 1 to 5"
FOUR = tuple(CORRUPTIONS)
CORRUPTIONS |= {kind: _benchmark(kind) for kind in APPLY}  # after the four: a kind's position names its stream
FIFTEEN = tuple(APPLY)


def corrupted(pixels: Tensor, kind: str, strength: float, seed: int = 0) -> Tensor:
    """Return uint8 pixels [N, C, H, W] corrupted; the same for the same seed, whatever was drawn before.

    Args:
        pixels: uint8 [N, C, H, W].
        kind: a name of ``CORRUPTIONS``.
        strength: 0 or more; the table states its meaning.
        seed: of the stream.

    Raises:
        InputError: an unknown kind, or a strength below 0 or beyond the kind's range.
    """
    corruption = pick(CORRUPTIONS, kind, "a corruption")
    most = 1.0 if corruption.strength.startswith("share") else float("inf")
    if kind in APPLY and strength not in range(6):
        raise InputError(f"the strength of {kind} is a severity, a whole number from 0 to 5, got {strength}")
    if not 0 <= strength <= most:
        raise InputError(f"the strength of {kind} must be from 0 to {most:g}, got {strength}")
    if strength == 0:
        return pixels
    with drawing(seed, "corrupt", list(CORRUPTIONS).index(kind)):
        return CORRUPTIONS[kind].apply(pixels, strength)


def hits_by_strength(
    model: nn.Module, sample: Sample, kind: str, strengths: Sequence[float] = (), seed: int = 0
) -> Tensor:
    """Return which images the model still classifies correctly: bool [strengths, N].

    Args:
        model: any classifier.
        sample: clean images.
        kind: a name of ``CORRUPTIONS``.
        strengths: by default 0 and the table's.
        seed: of the stream; give twins the same seed, and the pairs differ only in the model.
    """
    chosen = strengths or (0.0, *CORRUPTIONS[kind].strengths)
    return torch.stack(
        [hits(model, sample.seen_as(corrupted(sample.pixels, kind, strength, seed))) for strength in chosen]
    )


def _functional() -> Any:
    import_torchvision()
    from torchvision.transforms.v2 import functional

    return functional
