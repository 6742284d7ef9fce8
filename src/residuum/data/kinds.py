"""Which files are images, by their endings: those that Pillow decodes here, and HEIF."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageFile

from residuum_runtime.kinds import HEIF_ENDINGS

# Registered with Pillow, but no images of 8 bits a channel: drawings, film, scientific data.
NOT_IMAGES = frozenset({"EPS", "FITS", "FLI", "IPTC", "MPEG", "PDF"})
SEVERAL_FRAMES = frozenset({".gif", ".tif", ".tiff", ".webp", ".apng", ".avif", ".avifs"})  # endings that may have
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__"}
)


@cache
def image_endings() -> frozenset[str]:
    """Return the endings, in lower case with their dot, of the files that are taken for images.

    They are those of the formats that the installed Pillow has a decoder for, and HEIF's.
    """
    return frozenset(ending for ending, name in Image.registered_extensions().items() if _decodes(name)) | HEIF_ENDINGS


def _decodes(name: str) -> bool:
    """Return whether Pillow decodes that format by itself: a stub only knows its name."""
    if name in NOT_IMAGES or name not in Image.OPEN:
        return False
    factory = Image.OPEN[name][0]
    return not (isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile))


def ending_of(name: str) -> str:
    """Return what follows the last dot, in lower case with the dot; "" where no short word of letters and digits does.

    >>> ending_of("a.JPG"), ending_of("at 10.15 in the evening"), ending_of("photo")
    ('.jpg', '', '')
    """
    stem, dot, ending = name.rpartition(".")
    is_word = ending.isascii() and ending.replace("_", "").replace("~", "").isalnum() and len(ending) <= 12
    return f".{ending.lower()}" if dot and stem and is_word else ""


def is_system(name: str) -> bool:
    """Return whether an operating system, not a person, made the file or folder of that name."""
    return name.lower() in SYSTEM_FILES | SYSTEM_FOLDERS or name.startswith(("._", ".DS_Store"))


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of that name is left out: hidden, or a system's own."""
    return name.startswith(".") or is_system(name)
