"""List the files below a class folder: each is an image, or counted as skipped."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from residuum_runtime.kinds import NOT_IMAGES, image_endings, is_heif, open_image
from residuum_runtime.names import printable

from .kinds import ending_of, is_hidden, is_system

NAMED = 5  # files and folders that a note names


class Entry(NamedTuple):
    """One file that is treated as an image."""

    path: Path
    problem: str  # why the file system cannot read it; "" if it can


@dataclass
class Skipped:
    """Counts of skipped files, for the notes; excludes files that an operating system leaves behind."""

    hidden: Counter[str] = field(default_factory=Counter)  # images by the hidden folder that they are in
    hidden_files: list[str] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)  # files that are no images
    loops: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  # folders, with the reason
    beside: Counter[str] = field(default_factory=Counter)  # images by the folder that belongs to no class
    misnamed: list[str] = field(default_factory=list)  # folders named like an image

    def notes(self) -> list[str]:
        """Return a line for each kind of skipped file."""
        found = []
        if self.hidden:
            found.append(
                f"left out {_count(self.hidden.total(), 'image')} in hidden or system folders: {_itemise(self.hidden)}"
            )
        if self.hidden_files:
            found.append(f"left out {_count(len(self.hidden_files), 'hidden image')}: {enumerated(self.hidden_files)}")
        if self.beside:
            found.append(
                f"left out {_count(self.beside.total(), 'image')} outside of the class folders: {_itemise(self.beside)}"
            )
        if self.endings:
            kinds = ", ".join(f"{count:,} {ending or 'without ending'}" for ending, count in _sort_counts(self.endings))
            found.append(f"left out {_count(self.endings.total(), 'file')} that no image decoder here reads: {kinds}")
        if self.loops:
            found.append(f"did not follow links to folders that are listed already: {enumerated(self.loops)}")
        if self.unreadable:
            found.append(f"could not open {enumerated(self.unreadable)}")
        if self.misnamed:
            found.append(f"folders with the name of an image, whose files are listed: {enumerated(self.misnamed)}")
        return found


def images_below(folder: Path, root: Path, skipped: Skipped) -> list[Entry]:
    """Return the images below a class folder, sorted by name; follows links.

    Skips, and counts in ``skipped``, hidden files and folders, and files whose suffix is not that of an image; the
    content decides for a file without suffix. Does not follow a link to a folder that is listed already.
    """
    return sorted(_walk(folder, root, skipped, {os.path.realpath(folder)}))


def count_images(folder: Path) -> int:
    """Return the number of files below a folder with an image's suffix; does not follow links to folders."""
    names = (name for _, _, names in os.walk(folder) for name in names)
    return sum(ending_of(name) in image_endings() and not is_system(name) for name in names)


def holds_images(folder: Path) -> bool:
    """Return whether the folder itself, not a folder below it, holds an image."""
    with os.scandir(folder) as entries:
        return any(
            ending_of(entry.name) in image_endings() and not is_hidden(entry.name) and not _is_folder(entry)
            for entry in entries
        )


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder that are neither hidden nor a system's, sorted by name."""
    with os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries if not is_hidden(entry.name) and _is_folder(entry))


def loose(folder: Path, root: Path, skipped: Skipped) -> None:
    """Count what lies beside class folders and belongs to no class: images, and hidden folders with images."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_hidden(entry.name):
                _skip_hidden(entry, root, skipped)
            elif ending_of(entry.name) in image_endings() and not _is_folder(entry):
                skipped.beside[_format_path(folder, root)] += 1


def enumerated(names: Sequence[str], most: int = NAMED) -> str:
    """Return the first names joined by commas, and the number of further names."""
    shown = ", ".join(printable(name) for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _walk(folder: Path, root: Path, skipped: Skipped, seen: set[str]) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        skipped.unreadable.append(f"{_format_path(folder, root)} ({error.strerror})")
        return
    for one in entries:
        path = folder / one.name
        if is_hidden(one.name):
            _skip_hidden(one, root, skipped)
        elif _is_folder(one):
            if (real := os.path.realpath(path)) in seen or _is_above(real, folder):
                skipped.loops.append(_format_path(path, root))
                continue
            seen.add(real)
            if ending_of(path.name) in image_endings():
                skipped.misnamed.append(_format_path(path, root))
            yield from _walk(path, root, skipped, seen)
        elif (entry := _entry(path)) is not None:
            yield entry
        elif not is_system(path.name):
            skipped.endings[ending_of(path.name)] += 1


def _is_above(real: str, folder: Path) -> bool:
    """Return whether a folder is the one that holds ``folder``, or further up."""
    return Path(os.path.realpath(folder)).is_relative_to(real)


def _entry(path: Path) -> Entry | None:
    """Return the file if it is an image by its suffix or, without one, by its content; else None."""
    ending = ending_of(path.name)
    if ending not in image_endings() and ending:
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return Entry(path, "a link to a file that does not exist")
    except OSError as error:
        return Entry(path, error.strerror or str(error))
    if not stat.S_ISREG(status.st_mode):
        return Entry(path, "neither a file nor a folder, but a pipe, a socket or a device") if ending else None
    if not ending:
        return Entry(path, "") if _is_image(path) else None
    return Entry(path, "" if status.st_size else "the file is empty")


def _is_image(path: Path) -> bool:
    with suppress(Exception), open_image(path) as image:  # a foreign file may make a decoder raise anything
        return image.format not in NOT_IMAGES
    return is_heif(path)


def _skip_hidden(entry: os.DirEntry[str], root: Path, skipped: Skipped) -> None:
    path = Path(entry.path)
    if _is_folder(entry):
        if count := count_images(path):
            skipped.hidden[_format_path(path, root)] += count
    elif ending_of(entry.name) in image_endings() and not is_system(entry.name):
        skipped.hidden_files.append(_format_path(path, root))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _format_path(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix() if path != root else path.name)


def _itemise(counter: Counter[str]) -> str:
    names = [f"{name} ({count:,})" for name, count in _sort_counts(counter)]
    return enumerated(names)


def _sort_counts(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
