"""Classify files and folders by name: suffix, several frames, hidden, made by an operating system."""

from __future__ import annotations

SEVERAL_FRAMES = frozenset({".gif", ".tif", ".tiff", ".webp", ".apng", ".avif", ".avifs"})  # suffixes of such formats
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__"}
)


def ending_of(name: str) -> str:
    """Return the suffix in lower case with its dot; "" if it is not a short word of letters and digits.

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
    """Return whether a file or folder of that name is skipped: hidden, or made by a system."""
    return name.startswith(".") or is_system(name)
