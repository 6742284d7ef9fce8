"""From a picture file of any kind to 8-bit RGB."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import torch
from PIL import Image
from torch import Tensor

from residuum_runtime import pictures

from ..compat import import_torchvision

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})

_ORIENTATION = 0x0112  # EXIF's tag; 1 is upright


def decode(source: str | Path | BinaryIO) -> Tensor:
    """Return the picture as uint8 [3, height, width], a pixel's colours side by side in memory.

    EXIF rotation is applied, transparency laid on white, 16-bit grey scaled to 8, palettes and CMYK converted.
    torchvision's decoder reads ordinary JPEG files where it is there, Pillow all others: the same pixels, sooner.

    Raises:
        InputError: the file is no picture, it is damaged, or it has more pixels than Pillow allows; the message names
            it.
    """
    if isinstance(source, str | Path) and (read := jpeg_decoder()) is not None and _is_ordinary_jpeg(source):
        try:
            return read(source)
        except RuntimeError:  # what Pillow makes of it, it also says
            pass
    return torch.from_numpy(pictures.decode_rows(source)).permute(2, 0, 1)


def _is_ordinary_jpeg(path: str | Path) -> bool:
    """Say whether a file is an upright JPEG, grey or RGB, of a size that is allowed; only its head is read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                upright = image.getexif().get(_ORIENTATION, 1) == 1
                return image.format == "JPEG" and image.mode in ("L", "RGB") and upright
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


@cache
def jpeg_decoder() -> Any:
    """Return torchvision's decoder, from a path to RGB pixels, or None where its compiled half does not load."""
    import_torchvision()
    from torchvision import io

    if not hasattr(torch.ops.image, "decode_jpeg"):
        return None
    return lambda path: io.decode_jpeg(io.read_file(str(path)), mode=io.ImageReadMode.RGB)
