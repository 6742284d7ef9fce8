"""Images overlaid with a map."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..data.pixels import match_channels

SHOWN = 384  # pixels; images whose longer side is smaller are enlarged by whole numbers, with hard edges
MAP = "inferno"  # rises in lightness, so that it reads in grey and for the colour-blind too
SIGNED = "RdBu"  # blue speaks for, red against


def heat_overlay(pixels: Tensor, heat: Tensor) -> np.ndarray:
    """Overlay an image with a map of 0 or more: uint8 [H', W', 3].

    Where the map is 0 the image is grey and dark; where it is largest the image is lit up.

    Args:
        pixels: uint8 [C, H, W].
        heat: [h, w], any size.
    """
    from matplotlib import colormaps

    ground = _grey(pixels)
    heat = F.interpolate(heat[None, None].float(), ground.shape, mode="bilinear", align_corners=False)[0, 0]
    share = (heat / heat.max()).numpy() if heat.max() > 0 else heat.numpy()
    colours = colormaps[MAP](share)[..., :3]
    return _bytes(0.45 * ground[..., None] + 0.55 * colours)


def signed_overlay(pixels: Tensor, values: Tensor) -> np.ndarray:
    """Overlay a faint image with the evidence for (blue) and against (red) a class: uint8 [H', W', 3].

    Args:
        pixels: uint8 [C, H, W].
        values: [H, W]; the strongest percent sets the scale, so that a single pixel does not hide the rest.
    """
    from matplotlib import colormaps

    ground = _grey(pixels)
    factor = ground.shape[0] // values.shape[0]
    large = values.float().repeat_interleave(factor, 0).repeat_interleave(factor, 1)
    scale = float(values.abs().float().quantile(0.99)) or float(values.abs().max()) or 1.0
    share = (large / scale).clamp(-1, 1).numpy()
    colours = colormaps[SIGNED](0.5 + share / 2)[..., :3]
    strength = np.sqrt(np.abs(share))[..., None]
    return _bytes(strength * colours + (1 - strength) * (0.75 + 0.25 * ground[..., None]))


def plain_picture(pixels: Tensor) -> np.ndarray:
    """Return the image as the network sees it, enlarged likewise: uint8 [H', W', 3]."""
    return _large(match_channels(pixels[None], 3)[0]).permute(1, 2, 0).numpy()


def png_bytes(picture: np.ndarray) -> bytes:
    """Return an image uint8 [H, W, 3] as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def _large(pixels: Tensor) -> Tensor:
    factor = max(1, -(-SHOWN // max(pixels.shape[-2:])))
    return pixels.repeat_interleave(factor, -2).repeat_interleave(factor, -1)


def _grey(pixels: Tensor) -> np.ndarray:
    return (_large(match_channels(pixels[None], 1)[0])[0].float() / 255).numpy()


def _bytes(picture: np.ndarray) -> np.ndarray:
    return torch.from_numpy(picture * 255).round().clamp(0, 255).to(torch.uint8).numpy()
