"""Which files are images, by their endings and first bytes, and opening them: Pillow's formats and HEIF."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

# Formats of Pillow that are not images of 8 bits a channel: drawings, film, scientific data.
NOT_IMAGES = frozenset({"EPS", "FITS", "FLI", "IPTC", "MPEG", "PDF"})
HEIF_ENDINGS = frozenset({".heic", ".heif", ".hif"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
NEEDS_HEIF = "HEIC/HEIF needs pillow-heif; pip install 'residuum[heif]'"


def open_image(source: str | Path | BinaryIO) -> Image.Image:
    """Return the file opened by Pillow, which reads only the header.

    Raises:
        UnidentifiedImageError: the file is no image, or a HEIF image and pillow-heif is not installed.
        OSError: it cannot be read.
    """
    try:
        return Image.open(source)
    except UnidentifiedImageError as error:
        if not is_heif(source):
            raise
        if not register_heif():
            raise UnidentifiedImageError(NEEDS_HEIF) from error
        return Image.open(source)


def is_heif(source: str | Path | BinaryIO) -> bool:
    """Return whether the first bytes mark a HEIF image, whatever the file's name."""
    if isinstance(source, str | Path):
        with suppress(OSError), Path(source).open("rb") as file:
            return _has_heif_brand(file.read(12))
        return False
    source.seek(0)
    head = source.read(12)
    source.seek(0)
    return _has_heif_brand(head)


def _has_heif_brand(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS


@cache
def register_heif() -> bool:
    """Add HEIF to Pillow's formats for this process; return whether pillow-heif is installed."""
    try:
        import pillow_heif  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


@cache
def image_endings() -> frozenset[str]:
    """Return the endings, in lower case with their dot, of the files that count as images.

    The endings belong to the formats that the installed Pillow can decode, and to HEIF.
    """
    return frozenset(ending for ending, name in Image.registered_extensions().items() if _decodes(name)) | HEIF_ENDINGS


def _decodes(name: str) -> bool:
    """Return whether Pillow itself decodes that format: a stub only knows its name."""
    if name in NOT_IMAGES or name not in Image.OPEN:
        return False
    factory = Image.OPEN[name][0]
    return not (isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile))
