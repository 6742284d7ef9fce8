"""The only place where Pillow opens images: each of its errors becomes an error that names the image.

Decoders raise nearly any exception on damaged bytes (OSError, SyntaxError, struct.error, KeyError,
RecursionError, MemoryError ...), so this module catches every exception, around both opening and decoding.
"""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from .errors import ImageError, InputError
from .kinds import NEEDS_HEIF, open_image
from .names import printable

MAX_PIXELS = 178_956_970  # default limit of an image
FREE_PIXELS = 1 << 24  # up to this size a file may declare any canvas
PIXELS_PER_BYTE = 1 << 14  # above it: the ratio of a blank page in the densest formats
RUNS_PROGRAMS = {"EPS"}  # formats that Pillow hands to another program

ORIENTATION = 0x0112  # EXIF's tag; 1 is upright
_default = [MAX_PIXELS]
_LIMIT = threading.Lock()  # Pillow has one limit for the whole process

Source = str | Path | BinaryIO | Image.Image


@contextmanager
def opened(source: Source, max_pixels: int | None = None, name: str = "") -> Iterator[Image.Image]:
    """Open an image of an allowed size; the caller decodes its pixels inside the block.

    Args:
        source: a path, a file object, or an image that Pillow has opened, which stays open.
        max_pixels: the largest image, pixels [default: ``MAX_PIXELS``]. Pillow's own limit is ignored.
        name: of the image, for errors [default: the path].

    Raises:
        ImageError: no image, a damaged one, or more pixels than allowed, whether Pillow raises here or in the block.
        InputError: ``max_pixels`` below 1.
    """
    name, limit = name or name_of(source), check_limit(max_pixels)
    try:
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata beside sound pixels
            held = isinstance(source, Image.Image)
            image = source if held else stack.enter_context(_open(source, limit, stack))
            check_size(name, image.size, limit, None if held else _length(source))
            if image.format in RUNS_PROGRAMS:
                raise unreadable(name, f"{image.format} is a program, not pixels")
            yield image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"expected an image, but there is no file {name}", "there is no such file") from error
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))  # Pillow's message begins with the image's pixels
        raise too_large(name, f"{int(count[0]):,} pixels" if count else "", limit) from error
    except Exception as error:  # decoders raise nearly anything
        raise unreadable(name, _reason(error)) from (error if str(error) else None)


def _open(source: str | Path | BinaryIO, limit: int, stack: ExitStack) -> Image.Image:
    try:
        return open_image(source)
    except Image.DecompressionBombError:
        if Image.MAX_IMAGE_PIXELS is not None and limit <= 2 * Image.MAX_IMAGE_PIXELS:
            raise
    stack.enter_context(_pillow_allows(limit))
    if not isinstance(source, str | Path):
        source.seek(0)
    return open_image(source)


@contextmanager
def _pillow_allows(limit: int) -> Iterator[None]:
    """Set Pillow's limit, which refuses images of twice as many pixels; such large images open one at a time."""
    with _LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, -(-limit // 2)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def check_limit(max_pixels: int | None) -> int:
    """Return the largest number of pixels that an image may have.

    Raises:
        InputError: less than 1.
    """
    limit = _default[-1] if max_pixels is None else max_pixels
    if limit < 1:
        raise InputError(f"max_pixels must be 1 or more, got {limit}; leave it out for {MAX_PIXELS:,}")
    return limit


@contextmanager
def default_limit(max_pixels: int | None) -> Iterator[None]:
    """Set the default limit inside the block, in all threads of this process: for a whole folder."""
    _default.append(check_limit(max_pixels))
    try:
        yield
    finally:
        _default.pop()


def check_size(name: str, size: tuple[int, int], limit: int, length: int | None = None) -> None:
    """Refuse an image by its declared width and height, before allocating memory for it.

    Args:
        name: of the image.
        size: width and height.
        limit: largest number of pixels.
        length: the file's bytes, where known: few bytes cannot hold many pixels.
    """
    pixels, shape = size[0] * size[1], f"{size[0]:,} x {size[1]:,}"
    if pixels > limit:
        raise too_large(name, shape, limit)
    if length is not None and pixels > FREE_PIXELS + PIXELS_PER_BYTE * length:
        raise unreadable(name, f"its {length:,} bytes declare {shape} pixels")


def too_large(name: str, shape: str, limit: int) -> ImageError:
    """Return the error of an image that is larger than allowed."""
    reason = f"{shape + ', ' if shape else ''}more than {limit:,} pixels"
    advice = "raise the limit (--max-pixels, max_pixels=), or make the image smaller"
    return ImageError(f"{name} is too large ({reason}); {advice}", reason)


def unreadable(name: str, reason: str, advice: str = "replace or remove it") -> ImageError:
    """Return the error of an image that cannot be read."""
    return ImageError(f"{name} cannot be read as an image ({reason}); {advice}", reason)


def name_of(source: Any) -> str:
    """Return how errors name a source: its path, or "the image"."""
    if isinstance(source, str | Path):
        return printable(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "the image"


def orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where the EXIF block is damaged, since the pixels may be valid."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
        return int(found) if found in range(1, 9) else 1
    except Exception:  # an EXIF block may hold anything
        return 1


def _length(source: str | Path | BinaryIO) -> int | None:
    if isinstance(source, str | Path):
        return Path(source).stat().st_size
    try:
        here = source.tell()
        end = source.seek(0, os.SEEK_END)
        source.seek(here)
    except (OSError, AttributeError, io.UnsupportedOperation):
        return None
    return end


def _reason(error: Exception) -> str:
    """Return the reason of an error in one line."""
    if isinstance(error, UnidentifiedImageError):
        return NEEDS_HEIF if str(error) == NEEDS_HEIF else "cannot identify image file"
    if isinstance(error, MemoryError):
        return "not enough memory for it"
    text = " ".join(str(error).split())
    return text if text and isinstance(error, OSError | ValueError | SyntaxError) else f"{type(error).__name__}: {text}"
