"""Convert every kind of pixel that Pillow knows to 8-bit RGB, each by a stated rule.

The kind of file decides first. Where it leaves the range of its numbers open (16-bit grey, which often holds 12 bits;
32-bit integers; floats) the largest value decides among the ranges of ``RANGES``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .reading import unreadable

Pixels = NDArray[np.uint8]

STRIP = 1 << 22  # pixels converted at a time, which bounds the extra memory for a large image
RANGES = (255, 4095, 65535)  # 8, 12 and 16 bits: the first that holds the largest value
NARROW = 16  # largest 8-bit level of 12-bit values in a 16-bit file whose lower byte is lost
WITH_ALPHA = {"RGBA", "LA", "PA", "RGBa", "La"}
SAVE = "save it with 8 or 16 bits"


def rgb_rows(image: Image.Image, name: str) -> Pixels:
    """Return uint8 [height, width, 3] in the file's orientation, before any rotation.

    Composites transparency on white; palettes, CMYK, YCbCr, LAB and HSV are converted; 16-bit values scaled to 8.

    Raises:
        ImageError: numbers that no range holds (negative, not finite, above 65,535).
    """
    deep = any(";16" in str(tile) for tile in getattr(image, "tile", []))  # known only before the pixels are decoded
    image.load()
    if image.mode == "F" or image.mode.startswith("I"):
        return _from_numbers(np.asarray(image), name)
    width, height = image.size
    rows = np.empty((height, width, 3), np.uint8)
    step = max(1, STRIP // max(1, width))
    for top in range(0, height, step):
        whole = step >= height
        rows[top : top + step] = _to_rgb(image if whole else image.crop((0, top, width, min(height, top + step))))
    if deep and rows.size and rows.max() < NARROW:
        raise unreadable(name, "16-bit colours that all lie below 4,096 would be black", "save it with 8 bits")
    return rows


def _to_rgb(image: Image.Image) -> Any:
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        opaque = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("RGB")
    return (_from_lab(image) if image.mode == "LAB" else image).convert("RGB")


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    assert converted is not None  # only in place nothing is returned
    return converted


def _from_numbers(values: NDArray[Any], name: str) -> Pixels:
    """Return grey as uint8 [height, width, 3] of numbers [height, width]."""
    least, most = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    real = values.dtype.kind == "f"
    top = _range(least, most, real, name)
    rows = np.empty((*values.shape, 3), np.uint8)
    step = max(1, STRIP // max(1, values.shape[1]))
    for first in range(0, len(values), step):
        part = values[first : first + step]
        grey = np.round(part.astype(np.float64) * 255 / top) if real else part.astype(np.int64) * 255 // top
        rows[first : first + step] = grey[..., None]
    return rows


def _range(least: float, most: float, real: bool, name: str) -> int:
    """Return the value that becomes white."""
    if not np.isfinite(least) or not np.isfinite(most):
        raise unreadable(name, "its numbers are not all finite", SAVE)
    if least < 0 or most > RANGES[-1]:
        raise unreadable(name, f"its numbers reach from {least:g} to {most:g}, beyond 0 to 65535", SAVE)
    if real and most <= 1:
        return 1
    if real and most < NARROW:
        raise unreadable(name, f"its numbers reach to {most:g}, neither to 1 nor to 255", SAVE)
    return next(top for top in RANGES if most <= top)
