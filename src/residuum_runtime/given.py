"""The kinds of image arguments and their conversion to uint8 pixels: one rule for library and runtime.

===================== ==========================================================================================
path (str or Path)    a file; a folder means the images below it; ``*.jpg`` expands unless a file has that name
bytes, a file object  the content of a file
PIL image             any mode, its EXIF rotation applied
numpy array           [H, W], [H, W, C], [C, H, W] or [N, ...]; uint8, or floats 0..1
torch tensor          [H, W], [C, H, W] or [N, C, H, W]; uint8, or floats 0..1
a sequence of these   in its order
===================== ==========================================================================================

Everything else raises an error that names the type.
"""

from __future__ import annotations

import glob
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import ImageError, InputError
from .kinds import image_endings
from .levels import Pixels
from .missing import endings_there, files_like
from .names import printable
from .pictures import decode
from .reading import name_of

TAKES = "a path, bytes, a file object, a PIL image, a numpy array, a torch tensor, or a sequence of these"
SLACK = 1e-4  # tolerance of floats beyond 0 and 1, as after a resize


@dataclass(frozen=True)
class Given:
    """One image on its way to pixels."""

    name: str  # its path or number
    source: Any
    channels: int = 3  # of the network
    max_pixels: int | None = None

    def pixels(self) -> Pixels:
        """Return uint8 [C, H, W]; C is 1, 3 or the network's number of channels.

        Raises:
            ImageError: an image that cannot be read, or values that are neither uint8 nor floats 0..1.
        """
        if isinstance(self.source, np.ndarray):
            return _from_array(self.source, self.name, self.channels)
        if isinstance(self.source, str | Path) and not Path(self.source).exists():
            reason = "there is no such file"
            raise ImageError(f"expected an image, but there is no file {self.name}; {files_like(self.source)}", reason)
        source = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source
        return decode(source, self.max_pixels, self.name)


def listed(images: Any, channels: int = 3, max_pixels: int | None = None) -> list[Given]:
    """Return the images one by one; nothing is decoded yet.

    Args:
        images: any kind in the table above.
        channels: the network's number of channels.
        max_pixels: the largest image, pixels [default: ``reading.MAX_PIXELS``].

    Raises:
        InputError: something else, a folder without images, a pattern that matches none, an array of another shape.
    """
    found: list[Given] = []
    for source in _each(images, {1, 3, 4, channels}):
        name = str(source) if isinstance(source, str | Path) else ""
        name = name or (name_of(source) if _is_file(source) and name_of(source) != "the image" else "")
        found.append(Given(name or f"image {len(found)}", source, channels, max_pixels))
    return found


def one(image: Any, channels: int = 3, max_pixels: int | None = None) -> Given:
    """Return the only image, where the caller expects one."""
    found = listed(image, channels, max_pixels)
    if len(found) != 1:
        raise InputError(f"expected one image, got {len(found)}; give them one at a time")
    return found[0]


def _each(images: Any, counts: set[int]) -> Iterator[Any]:
    """Yield single sources: paths, bytes, file objects, PIL images, and arrays [C, H, W]."""
    if isinstance(images, str | Path):
        yield from expand(images)
    elif isinstance(images, bytes | bytearray | memoryview):
        yield bytes(images)
    elif isinstance(images, Image.Image) or _is_file(images):
        yield images
    elif isinstance(images, np.ndarray | np.generic):
        yield from _planes_first(np.asarray(images), counts)
    elif hasattr(images, "detach") and hasattr(images, "numpy"):  # a tensor, without importing torch
        yield from _from_tensor(images, counts)
    elif isinstance(images, Iterable) and not isinstance(images, dict | set):
        for image in images:
            yield from _each(image, counts)
    else:
        raise InputError(f"an image must be {TAKES}, got {type(images).__name__}")


def _is_file(source: Any) -> bool:
    return hasattr(source, "read") and not isinstance(source, Image.Image | Path)


def expand(path: str | Path) -> list[str | Path]:
    """Return the images of a path: the file itself, the images below a folder, or the matches of a pattern.

    Skips hidden files and folders, and files without an image ending (``kinds.image_endings``).

    Raises:
        InputError: a folder without images, or a pattern that matches nothing.
    """
    if Path(path).is_dir():
        found = sorted(
            file
            for file in Path(path).rglob("*")
            if file.suffix.lower() in image_endings() and file.is_file() and not _hidden(file.relative_to(path))
        )
        if not found:
            raise InputError(f"{printable(path)} must hold images (.jpg, .png, .webp ...), but {_endings(Path(path))}")
        return list(found)
    if isinstance(path, str) and glob.has_magic(path) and not Path(path).exists():
        matched = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (Path.glob refuses absolute patterns)
        if not matched:
            raise InputError(f"no file matches {path}; {endings_there(path)}")
        return [each for name in matched for each in (expand(name) if Path(name).is_dir() else [name])]
    return [path]


def _endings(folder: Path) -> str:
    """Describe the files of a folder without images."""
    found = Counter(file.suffix or "no ending" for file in folder.rglob("*") if file.is_file())
    if not found:
        return "it holds no file"
    return f"its files end in {', '.join(f'{ending} ({count})' for ending, count in sorted(found.items())[:5])}"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _planes_first(array: NDArray[Any], counts: set[int]) -> Iterator[NDArray[Any]]:
    """Yield [C, H, W] of an array in any layout: the axis with a valid number of channels holds them."""
    if array.ndim == 4:
        for each in array:
            yield from _planes_first(each, counts)
        return
    if array.ndim == 2:
        yield array[None]
        return
    if array.ndim != 3:
        raise InputError(f"an array must be [H, W], [H, W, C], [C, H, W] or [N, ...], got {list(array.shape)}")
    first, last = (side in counts for side in (array.shape[0], array.shape[-1]))
    if first and last and array.shape[1] not in counts:
        raise InputError(
            f"an array of {list(array.shape)} may have its channels first or last; give a PIL image or a torch tensor"
        )
    yield array.transpose(2, 0, 1) if last and not first else array


def _from_tensor(tensor: Any, counts: set[int]) -> Iterator[NDArray[Any]]:
    """Yield [C, H, W] of a tensor, whose channels come first."""
    if tensor.ndim not in (2, 3, 4):
        raise InputError(f"a tensor must be [H, W], [C, H, W] or [N, C, H, W], got {list(tensor.shape)}")
    values = tensor.detach().cpu()
    array = (values.float() if values.is_floating_point() else values).numpy()
    if array.ndim == 3 and array.shape[0] not in counts and array.shape[-1] in counts:
        raise InputError(
            f"a tensor must have its channels first, [C, H, W], got {list(array.shape)}; permute(2, 0, 1) turns it"
        )
    yield from array if array.ndim == 4 else [array if array.ndim == 3 else array[None]]


def _from_array(array: NDArray[Any], name: str, channels: int) -> Pixels:
    """Return uint8 [C, H, W] of [C, H, W]."""
    have = array.shape[0]
    if 0 in array.shape or have not in (1, 3, 4, channels):
        raise ImageError(f"{name} must have 1, 3 or 4 channels, as [C, H, W] or [H, W, C], got {list(array.shape)}")
    pixels = array if array.dtype == np.uint8 else _scaled(array, name)
    if have == 4 and channels != 4:
        return decode(Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))), pixels[0].size, name)
    return np.ascontiguousarray(pixels)


def _scaled(array: NDArray[Any], name: str) -> Pixels:
    """Return uint8 of floats 0..1."""
    if array.dtype.kind != "f":
        raise ImageError(f"{name} must be uint8, or floats from 0 to 1, got {array.dtype}; convert it to uint8")
    least, most = float(array.min()), float(array.max())
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ImageError(f"{name} must be finite numbers, got NaN or infinity among its {array.dtype} values")
    if least < -SLACK or most > 1 + SLACK:
        advice = "give it before it is normalised" if least < 0 else "divide by its largest level, or give uint8"
        raise ImageError(f"{name} as floats must lie in 0 to 1, got {least:g} to {most:g}; {advice}")
    return np.round(np.clip(array.astype(np.float64), 0, 1) * 255).astype(np.uint8)
