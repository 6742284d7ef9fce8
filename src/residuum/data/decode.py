"""From a picture file of any kind to 8-bit RGB."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from residuum_runtime import pictures

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})


def decode(source: str | Path | BinaryIO) -> Tensor:
    """Return the picture as uint8 [3, height, width].

    EXIF rotation is applied, transparency laid on white, 16-bit grey scaled to 8, palettes and CMYK converted.

    Raises:
        InputError: the file is no picture, or it is damaged; the message names it.
    """
    return torch.from_numpy(pictures.decode(source))
