"""Decode an image file of any format to 8-bit RGB."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from residuum_runtime import pictures
from residuum_runtime.reading import Source, opened, orientation

from ..compat import import_torchvision
from ..errors import ImageError


def decode(source: Source, max_pixels: int | None = None) -> Tensor:
    """Return the image as uint8 [3, height, width], a pixel's colours side by side in memory.

    Applies EXIF rotation, composites transparency over white, scales 16-bit grey to 8 bits, converts palettes and CMYK.
    torchvision's decoder, where available, reads ordinary JPEG files, Pillow all others: the same pixels, faster.

    Args:
        source: a path, a file object, or an image that Pillow has opened.
        max_pixels: the largest image, pixels [default: ``residuum_runtime.reading.MAX_PIXELS``].

    Raises:
        ImageError: the file is no image, it is damaged, or it has more pixels than allowed; the message names it.

    >>> decode("PHOTOS/cat/0.png").shape
    torch.Size([3, 40, 40])
    """
    if isinstance(source, str | Path) and (read := jpeg_decoder()) and _is_ordinary_jpeg(source, max_pixels):
        with suppress(Exception):  # Pillow decodes the file or reports its fault
            return read(source)
    return torch.from_numpy(pictures.decode_rows(source, max_pixels)).permute(2, 0, 1)


def _is_ordinary_jpeg(path: str | Path, max_pixels: int | None) -> bool:
    """Return whether a file is an upright JPEG, grey or RGB, within the size limit; reads only its header."""
    try:
        with opened(path, max_pixels) as image:
            return image.format == "JPEG" and image.mode in ("L", "RGB") and orientation(image) == 1
    except ImageError:
        return False


@cache
def jpeg_decoder() -> Any:
    """Return torchvision's decoder, from a path to RGB pixels, or None if its compiled half does not load."""
    import_torchvision()
    from torchvision import io

    if not hasattr(torch.ops.image, "decode_jpeg"):
        return None
    return lambda path: io.decode_jpeg(io.read_file(str(path)), mode=io.ImageReadMode.RGB)
