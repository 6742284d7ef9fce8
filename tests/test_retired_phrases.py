"""Help, messages, docstrings and pages contain no retired phrase; the glossary of CONTRIBUTING.md has the words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RETIRED = re.compile(
    r"\b(?:go|goes|going|gone|went)\s+on\s+with\b|\b(?:go|goes|going|went)\s+before\b|\bso\s+many\b"
    r"|\bfor\s+(?:people|programs)\b|(?<![-/\w])pictures?\b(?!/)|\bbroken\s+off\b|\bwhat\s+was\s+found\s+out\b",
    re.IGNORECASE,
)
# JSON keys, file names and formats, ONNX inputs and classes of the stylesheet, which existing files depend on.
NAMES = {"picture", "pictures", "Picture", "pictures.npz", "residuum pictures 1", '<ul class="pictures">\n'}
# Rooms that nobody has read yet. Remove a room once it passes; add none.
UNREAD = {
    "src/residuum/bench", "src/residuum/cli", "src/residuum/data", "src/residuum/deploy", "src/residuum/evaluation",
    "src/residuum/experiments", "src/residuum/kernels", "src/residuum/models", "src/residuum/nn", "src/residuum/report",
    "src/residuum/settings", "src/residuum/training", "src/residuum_runtime",
}  # fmt: skip
CODE = re.compile(r"`[^`\n]+`|(?<=\])\([^)\s]+\)")  # code spans and targets of links


def room_of(path: Path) -> str:
    """Return a file's room: a folder or file of a package, else the folder of the repository."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:3] if parts[:2] == ("src", "residuum") else parts[:2] if parts[0] == "src" else parts[:1])


def read_texts(name: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield a file's texts, each with its first line: strings of Python, sentences of pages, everything of others."""
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in NAMES:
                yield node.lineno, node.value
    elif name.endswith(".md"):
        glossary = re.compile(r"(?<=^## Words\n).*", re.DOTALL | re.MULTILINE)
        text = glossary.sub("", source) if name == "CONTRIBUTING.md" else source
        yield 1, CODE.sub(lambda match: "`" * len(match[0]), text)
    else:
        yield 1, source


def find_retired(name: str, source: str) -> list[str]:
    """Return ``file:line: phrase`` for each retired phrase of a file."""
    return [
        f"{name}:{line + text[: match.start()].count(chr(10))}: {' '.join(match[0].split())}"
        for line, text in read_texts(name, source)
        for match in RETIRED.finditer(text)
    ]


FILES = ("*.md", "docs/**/*.md", "docs/*.py", "benchmarks/**/*.py", "src/**/*.py", "src/**/*.yaml", "src/**/*.[ch]")
PATHS = sorted(
    path
    for pattern in FILES
    for path in ROOT.glob(pattern)
    if path.name != "LOG.md"  # the log quotes commands and findings of its day
)
ROOMS = sorted({room_of(path) for path in PATHS})


@pytest.mark.parametrize(
    "room", [pytest.param(room, marks=[pytest.mark.xfail(strict=False)] if room in UNREAD else []) for room in ROOMS]
)
def test_no_retired_phrase(room: str) -> None:
    names = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PATHS if room_of(path) == room}
    found = sorted(line for name, source in names.items() for line in find_retired(name, source))
    assert not found, "\n".join(found)


def test_unread_rooms_exist() -> None:
    assert set(ROOMS) >= UNREAD


def test_phrases_are_found_with_their_lines() -> None:
    code = '"""Doc.\n\nIt goes on\nwith it."""\nflag = "--pictures"\nprint(f"{3} so many", "pictures", "a picture")\n'
    assert find_retired("a.py", code) == ["a.py:3: goes on with", "a.py:6: picture", "a.py:6: so many"]
    page = "Flags go\nbefore. `--pictures` and [it](images/picture.png)\n## Words\nA picture\n"
    assert find_retired("docs/a.md", page) == ["docs/a.md:1: go before", "docs/a.md:4: picture"]
    assert find_retired("CONTRIBUTING.md", page) == ["CONTRIBUTING.md:1: go before"]
    assert find_retired("a.c", "int a;  /* for programs,\nbroken off */") == [
        "a.c:1: for programs",
        "a.c:2: broken off",
    ]
