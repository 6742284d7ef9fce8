"""Recognising the sides of a split by the names of folders: train/ and val/, Training/ and Testing/, seg_train/ ..."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from residuum_runtime.names import printable

from ..errors import InputError
from .listing import Skipped, count_images, folders_in, holds_images

SIDES = ("train", "val", "test")
# Each word, whatever its case, names a side. The second table's may be a class too ("valid" beside "invalid"): they
# count beside another side, or where the folder holds class folders.
PLAIN_WORDS = {
    "train": ("train", "training", "trainings", "trn", "trainval"),
    "val": ("val", "validation", "validate", "validating"),
    "test": ("test", "testing", "tests", "tst", "holdout", "heldout"),
}
OTHER_WORDS = {
    "train": ("learn", "learning", "fit"),
    "val": ("valid", "vali", "dev", "devel", "development", "eval", "evaluation"),
    "test": ("unseen",),
}
WORDS = {word: side for table in (PLAIN_WORDS, OTHER_WORDS) for side, words in table.items() for word in words}
PLAIN = {word for words in PLAIN_WORDS.values() for word in words}
JOINED = {("hold", "out"): "holdout", ("held", "out"): "heldout", ("train", "val"): "trainval"}
SINGULAR = ("set", "data", "dataset", "image", "img", "picture", "pic", "photo", "folder", "dir", "split", "sample")
FILLERS = frozenset({*SINGULAR, *(f"{word}s" for word in SINGULAR), "ds", "part", "subset"})
DEEPEST = 4  # levels of folders around the data that are searched
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_FOLD = re.compile(r"(k|cv)?(fold|split)s?\d+")

AS_CLASSES = "if {names} are classes, move all class folders into one folder called train/"


@dataclass(frozen=True)
class Layout:
    """The location of the class folders."""

    train: Path | None  # the folder that holds the class folders of this side
    val: Path | None = None
    test: Path | None = None
    names: dict[str, str] = field(default_factory=dict)  # of the side folders, as on disk
    notes: list[str] = field(default_factory=list)

    @property
    def split(self) -> bool:
        """Return whether folders separate the sides."""
        return self.val is not None or self.test is not None

    def sides(self) -> list[tuple[str, Path]]:
        """Return the existing sides, each with the folder that holds its class folders."""
        found = {"train": self.train, "val": self.val, "test": self.test}
        return [(side, path) for side, path in found.items() if path is not None]


@dataclass(frozen=True)
class Name:
    """A folder's name, parsed."""

    side: str
    rest: tuple[str, ...]  # the other words; fillers such as "set" and "images" are left out
    plain: bool  # a word that is rarely the name of a class


def read_name(name: str) -> Name | None:
    """Return the side that a folder's name states, or None for any other name.

    >>> read_name("seg_train"), read_name("Testing").side, read_name("cat")
    (Name(side='train', rest=('seg',), plain=True), 'test', None)
    """
    words = [_without_filler(word) for word in _words(name)]
    sides = [word for word in words if word in WORDS]
    if len(sides) != 1:
        return None
    rest = tuple(word for word in words if word not in WORDS and word not in FILLERS)
    return Name(WORDS[sides[0]], rest, sides[0] in PLAIN)


def recognise(root: Path, skipped: Skipped) -> Layout:
    """Return the location of each side's class folders; without side folders, all belong to ``train``.

    Searches inside folders that only wrap the data: ROOT/dataset/train/CLASS, ROOT/seg_train/seg_train/CLASS.

    Raises:
        InputError: the names of a split beside other folders, two folders for one side, a side without class folders.
    """
    base, notes = _unwrap(root)
    folders = folders_in(base)
    found = _side_folders(folders)
    if not found:
        _refuse_folds(base, folders)
        _refuse_split_below(base, folders)
        return Layout(base, notes=[*notes, *_note_repeated(folders)])
    sides = _require_one_each(base, found)
    _refuse_without_classes(base, sides)
    _check_others(base, folders, sides, skipped)
    roots = _side_roots(sides)
    return Layout(**{side: roots.get(side) for side in SIDES}, names={s: p.name for s, p in sides.items()}, notes=notes)


def _words(name: str) -> list[str]:
    words = [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", name))]
    for pair, whole in JOINED.items():
        for place in range(len(words) - 1):
            if tuple(words[place : place + 2]) == pair:
                words[place : place + 2] = [whole]
    return words


def _without_filler(word: str) -> str:
    """Return ``train`` for ``trainset`` and ``imagestrain``, other words as they are."""
    for filler in FILLERS:
        for part in (word.removesuffix(filler), word.removeprefix(filler)):
            if part != word and part in WORDS:
                return part
    return word


def _unwrap(root: Path) -> tuple[Path, list[str]]:
    """Return the folder below ``root`` that holds the sides or classes, inside folders that hold one folder only.

    Ignores a sibling that holds no image if the other holds the sides: images/train beside labels/.
    """
    base = root
    for _ in range(DEEPEST):
        folders = folders_in(base)
        if len(split := [path for path in folders if _side_folders(folders_in(path))]) == 1 < len(folders):
            folders = split if not any(count_images(path) for path in folders if path not in split) else folders
        if len(folders) != 1 or holds_images(base) or read_name(folders[0].name) or holds_images(folders[0]):
            break
        if not folders_in(folders[0]):
            break
        base = folders[0]
    if len(folders_in(base)) < 2 and not _side_folders(folders_in(base)):  # no wrapper: one class with folders in it
        base = root
    inner = printable(base.relative_to(root).as_posix())
    return base, [f"using the folders in {inner}/"] if base != root else []


def _side_folders(folders: Sequence[Path]) -> dict[Path, Name]:
    """Return the folders that are sides of a split, by name and content.

    A folder is a side if its name is only that of a side (a plain word), or if it holds folders and no images, as a
    side does; so is a folder whose name has the same other words as another side's.
    """
    names = {path: name for path in folders if (name := read_name(path.name)) is not None}
    kinds = {(name.side, name.rest) for name in names.values()}

    def is_paired(name: Name) -> bool:
        return any((side, name.rest) in kinds for side in SIDES if side != name.side)

    return {
        path: name
        for path, name in names.items()
        if (name.plain and not name.rest) or is_paired(name) or _holds_folders_only(path)
    }


def _holds_folders_only(path: Path) -> bool:
    return bool(folders_in(path)) and not holds_images(path)


def _require_one_each(base: Path, found: dict[Path, Name]) -> dict[str, Path]:
    sides: dict[str, Path] = {}
    for path, name in found.items():
        if name.side in sides:
            raise InputError(
                f"each side of a split must have one folder, but {_enumerate([sides[name.side], path])} in "
                f"{printable(base)} are both named as {name.side} images; keep one, merge them, or rename one to "
                f"{' or '.join(f'{side}/' for side in SIDES if side != name.side)}"
            )
        sides[name.side] = path
    return sides


def _refuse_without_classes(base: Path, sides: dict[str, Path]) -> None:
    for side, path in sides.items():
        if not folders_in(path):
            got = "images" if holds_images(path) else "nothing"
            raise InputError(
                f"{printable(path)} is named as the {side} side of a split, which must hold class folders "
                f"({printable(path.name)}/CLASS/*.jpg), but it holds {got} and no folders; sort its images into "
                f"classes or move it out of {printable(base)}; "
                + AS_CLASSES.format(names=f"{printable(path.name)} and the folders beside it")
            )


def _check_others(base: Path, folders: Sequence[Path], sides: dict[str, Path], skipped: Skipped) -> None:
    """Refuse class folders beside the sides; count what other folders hold."""
    others = [path for path in folders if path not in sides.values()]
    counts = {path: count for path in others if (count := count_images(path))}
    classes = {path.name.casefold() for side in _side_roots(sides).values() for path in folders_in(side)}
    mixed = [path for path in counts if path.name.casefold() in classes or len(sides) == 1]
    if mixed:
        raise InputError(
            f"{printable(base)} must hold either the sides of a split or class folders, but {_enumerate(mixed)} lie "
            f"beside {_enumerate(list(sides.values()))}; call the sides train/, val/ and test/ and move the others "
            f"into them or out of {printable(base)}; " + AS_CLASSES.format(names="all of them")
        )
    for path, count in counts.items():
        skipped.beside[printable(path.relative_to(base).as_posix())] += count


def _side_roots(sides: dict[str, Path]) -> dict[str, Path]:
    roots = {side: _side_root(path) for side, path in sides.items() if side == "train"}
    classes = {path.name for root in roots.values() for path in folders_in(root)}
    return roots | {side: _side_root(path, classes) for side, path in sides.items() if side != "train"}


def _side_root(side: Path, classes: Collection[str] = ()) -> Path:
    """Return the folder that holds a side's class folders: seg_train/seg_train/, train/images/ ...

    A single folder is not a wrapper if it is named like one of ``classes``.
    """
    root = side
    for _ in range(DEEPEST):
        folders = folders_in(root)
        if (
            len(folders) != 1
            or folders[0].name in classes
            or holds_images(root)
            or holds_images(folders[0])
            or not folders_in(folders[0])
        ):
            break
        if not all(map(count_images, folders_in(folders[0]))):
            break
        root = folders[0]
    inner = _side_folders(folders_in(root))
    if len({name.side for name in inner.values()}) > 1 and all(map(_holds_folders_only, inner)):
        raise InputError(
            f"{printable(root)} must hold class folders, but {_enumerate(list(inner))} in it are named as the sides "
            f"of a split and hold folders themselves; give --data {printable(root)}"
        )
    return root


def _refuse_folds(base: Path, folders: Sequence[Path]) -> None:
    names = ["".join(_words(path.name)) for path in folders]
    if len(names) > 1 and all(map(_FOLD.fullmatch, names)):
        raise InputError(
            f"{printable(base)} holds the folds of a cross-validation ({_enumerate(folders)}), not classes; make "
            "train/ and val/ of them, each with its class folders; " + AS_CLASSES.format(names="they")
        )


def _refuse_split_below(base: Path, folders: Sequence[Path]) -> None:
    """Refuse CLASS/train and CLASS/test: their images would be mixed."""
    below = {folder: _side_folders(folders_in(folder)) for folder in folders}
    split = [folder for folder, sides in below.items() if len({name.side for name in sides.values()}) > 1]
    if split:
        raise InputError(
            f"the sides of a split must lie above the classes, but {printable(split[0])} holds "
            f"{_enumerate(list(below[split[0]]))}; move the images to "
            f"{printable(base)}/train/{printable(split[0].name)}/ and so on"
        )


def _note_repeated(folders: Sequence[Path]) -> list[str]:
    """Note the same folders in every class folder: they may be classes, and the folders above them sides."""
    below = [[path.name for path in folders_in(folder)] for folder in folders]
    if len(below) < 2 or len(below[0]) < 2 or any(names != below[0] for names in below):
        return []
    if any(map(holds_images, folders)):
        return []
    return [
        f"classes are {_enumerate(folders)}, and each holds the folders {_enumerate(below[0])}; "
        "if those are the classes, call the folders above them train/, val/ and test/"
    ]


def _enumerate(paths: Sequence[Path | str], most: int = 5) -> str:
    names = [f"{printable(path.name if isinstance(path, Path) else path)}/" for path in paths]
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
