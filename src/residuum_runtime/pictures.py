"""Convert an image file of any kind to a network's input, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import InputError
from .levels import Pixels, rgb_rows
from .reading import Source, name_of, opened, orientation

Floats = NDArray[np.float32]

RESIZED_PIXELS = 1 << 25  # largest result of a resize; longer images are cropped to their middle first

# EXIF's orientations except upright, as functions of rows [height, width, 3]
TURNS = {
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.swapaxes(0, 1),
    6: lambda rows: np.rot90(rows, -1),
    7: lambda rows: rows[::-1, ::-1].swapaxes(0, 1),
    8: lambda rows: np.rot90(rows),
}


def decode(source: Source, max_pixels: int | None = None, name: str = "") -> Pixels:
    """Return the image as uint8 [3, height, width], as ``decode_rows`` reads it."""
    return np.ascontiguousarray(decode_rows(source, max_pixels, name).transpose(2, 0, 1))


def decode_rows(source: Source, max_pixels: int | None = None, name: str = "") -> Pixels:
    """Return the image as uint8 [height, width, 3].

    Applies EXIF rotation, composites transparency on white, scales 16-bit grey to 8, converts palettes and CMYK:
    ``levels.py`` has the rule of each kind.

    Args:
        source: a path, a file object, or an image that Pillow has opened.
        max_pixels: the largest image, pixels [default: ``reading.MAX_PIXELS``].
        name: of the image, for errors [default: the path].

    Raises:
        ImageError: no image, a damaged one, or one that is too large; the message names it.
    """
    name = name or name_of(source)
    with opened(source, max_pixels, name) as image:
        rows = rgb_rows(image, name)
        turn = TURNS.get(orientation(image))  # after the pixels: some formats turn them while they decode
    return rows if turn is None else np.ascontiguousarray(turn(rows))


def fit(pixels: Pixels, size: tuple[int, int], resize: int, interpolation: str = "bilinear") -> Pixels:
    """Return uint8 [C, *size]: resize the shorter side to ``resize`` and crop the centre; without it, stretch."""
    height, width = size
    if not resize:
        return stretch(pixels, size, interpolation)
    pixels = pixels[(slice(None), *middle(pixels.shape[1:], size, resize))]
    _, high, wide = pixels.shape
    short = min(high, wide)
    pixels = stretch(pixels, (int(resize * high / short), int(resize * wide / short)), interpolation)
    _, high, wide = pixels.shape
    if high < height or wide < width:
        raise InputError(f"resize must be at least the size {height} x {width}, got {resize}; export with a larger one")
    top, left = round((high - height) / 2), round((wide - width) / 2)
    return pixels[:, top : top + height, left : left + width]


def middle(shape: tuple[int, ...], size: tuple[int, int], resize: int) -> tuple[slice, slice]:
    """Return the rows and columns of an image to resize: all, or for a long strip only the part that its middle needs.

    A line of 1 x 60,000 pixels whose shorter side becomes 256 would be an image of 4 billion; its crop shows less than
    one pixel of the line. So where a resize would exceed ``RESIZED_PIXELS``, the longer side is cropped first, with
    room for the centre crop and for the margin that an antialiased resize reads.
    """
    short, long = min(shape), max(shape)
    if not resize or resize * (resize * long // short) <= RESIZED_PIXELS:
        return slice(None), slice(None)
    keep = 2 * short * -(-max(size) // resize) + 2 * short + 8
    cut = [max(0, side - keep) // 2 for side in shape]  # equal amounts from both ends keep the middle in place
    return slice(cut[0], shape[0] - cut[0]), slice(cut[1], shape[1] - cut[1])


def stretch(pixels: Pixels, size: tuple[int, int], interpolation: str = "bilinear") -> Pixels:
    """Return uint8 [C, *size], antialiased; unchanged where the size already fits."""
    if tuple(pixels.shape[1:]) == tuple(size):
        return pixels
    way = Image.Resampling[interpolation.upper()]
    planes = [Image.fromarray(plane).resize((size[1], size[0]), way) for plane in pixels]
    return np.stack([np.asarray(plane) for plane in planes])


def match_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return [N, channels, H, W]: repeat grey, convert colour to grey (ITU-R 601-2, as in Pillow)."""
    have = pixels.shape[1]
    if have == channels:
        return pixels
    if have == 1:
        return np.repeat(pixels, channels, axis=1)
    if have == 3 and channels == 1:
        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32).reshape(1, 3, 1, 1)
        return np.round((pixels.astype(np.float32) * weights).sum(1, keepdims=True)).astype(np.uint8)
    raise InputError(f"the network takes {channels} channels and the images have {have}; give images of {channels}")


def normalise(pixels: Pixels, mean: tuple[float, ...], std: tuple[float, ...]) -> Floats:
    """Return (pixels / 255 - mean) / std, per channel: uint8 [N, C, H, W] to float32."""
    deviation = np.array(std, dtype=np.float64)
    scale: Any = (1 / (255 * deviation)).astype(np.float32).reshape(1, -1, 1, 1)
    shift: Any = (-np.array(mean, dtype=np.float64) / deviation).astype(np.float32).reshape(1, -1, 1, 1)
    return pixels.astype(np.float32) * scale + shift
