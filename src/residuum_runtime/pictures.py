"""From a picture file of any kind to what a network receives, in numpy."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .errors import InputError

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def decode(source: str | Path | BinaryIO) -> Pixels:
    """Return the picture as uint8 [3, height, width], as ``decode_rows`` reads it."""
    return np.ascontiguousarray(decode_rows(source).transpose(2, 0, 1))


def decode_rows(source: str | Path | BinaryIO) -> Pixels:
    """Return the picture as uint8 [height, width, 3].

    EXIF rotation is applied, transparency laid on white, 16-bit grey scaled to 8, palettes and CMYK converted.

    Raises:
        InputError: the file is no picture, or it is damaged; the message names it.
    """
    name = str(source) if isinstance(source, str | Path) else "the picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata beside sound pixels
            with Image.open(source) as image:
                pixels = np.array(_to_rgb(ImageOps.exif_transpose(image)))
    except FileNotFoundError:
        raise InputError(f"expected a picture, but there is no file {name}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} cannot be read as a picture ({error}); replace or remove it") from error
    return pixels


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, in whichever way Pillow names it
        eight_bit = np.clip(np.asarray(image, dtype=np.int64) // 257, 0, 255).astype(np.uint8)
        return Image.fromarray(eight_bit).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("RGB")
    return image.convert("RGB")


def fit(pixels: Pixels, size: tuple[int, int], resize: int) -> Pixels:
    """Return uint8 [C, *size]: the shorter side brought to ``resize`` and the middle cut out; without it stretched."""
    height, width = size
    if not resize:
        return stretch(pixels, size)
    _, high, wide = pixels.shape
    short = min(high, wide)
    pixels = stretch(pixels, (int(resize * high / short), int(resize * wide / short)))
    _, high, wide = pixels.shape
    if high < height or wide < width:
        raise InputError(f"resize must be at least the size {height} x {width}, got {resize}; export with a larger one")
    top, left = round((high - height) / 2), round((wide - width) / 2)
    return pixels[:, top : top + height, left : left + width]


def stretch(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return uint8 [C, *size], antialiased bilinear; the same array where the size already fits."""
    if tuple(pixels.shape[1:]) == tuple(size):
        return pixels
    planes = [Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BILINEAR) for plane in pixels]
    return np.stack([np.asarray(plane) for plane in planes])


def match_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return [N, channels, H, W]: grey is repeated, colour is weighed to grey (ITU-R 601-2, as Pillow has it)."""
    have = pixels.shape[1]
    if have == channels:
        return pixels
    if have == 1:
        return np.repeat(pixels, channels, axis=1)
    if have == 3 and channels == 1:
        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32).reshape(1, 3, 1, 1)
        return np.round((pixels.astype(np.float32) * weights).sum(1, keepdims=True)).astype(np.uint8)
    raise InputError(f"the network takes {channels} channels and the pictures have {have}; give pictures of {channels}")


def normalise(pixels: Pixels, mean: tuple[float, ...], std: tuple[float, ...]) -> Floats:
    """Return (pixels / 255 - mean) / std, a channel each: uint8 [N, C, H, W] to float32."""
    deviation = np.array(std, dtype=np.float64)
    scale: Any = (1 / (255 * deviation)).astype(np.float32).reshape(1, -1, 1, 1)
    shift: Any = (-np.array(mean, dtype=np.float64) / deviation).astype(np.float32).reshape(1, -1, 1, 1)
    return pixels.astype(np.float32) * scale + shift
