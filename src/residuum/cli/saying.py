"""Sentences and facts for people: a terminal gets lines that break between words, a pipe gets each in one line."""

from __future__ import annotations

from collections.abc import Iterable

import typer

NARROWEST = 20  # columns that a text keeps beside its label


def say(text: str, label: str = "") -> None:
    """Print a text; on a terminal its further lines begin below the first word after the label.

    Args:
        text: a sentence, or several lines of them.
        label: what stands before the text, printed as it is.
    """
    for line in text.split("\n"):
        _say_line(line, label)


def show_facts(facts: Iterable[tuple[str, str]], width: int) -> None:
    """Print a fact a line: its name, set right within ``width`` columns, and what it is."""
    for name, fact in facts:
        say(fact, f"{name:>{width}}  ")


def count_of(number: int, thing: str) -> str:
    """Return a number with its thing, in the plural but for 1.

    >>> count_of(1, "image"), count_of(1200, "image"), count_of(3, "class")
    ('1 image', '1,200 images', '3 classes')
    """
    return f"{number:,} {thing}{'' if number == 1 else 'es' if thing.endswith('s') else 's'}"


def span_of(least: int, most: int, thing: str) -> str:
    """Return ``least to most things``, or one number where the two are the same.

    >>> span_of(8, 12, "image"), span_of(8, 8, "image"), span_of(1, 1, "image")
    ('8 to 12 images', '8 images', '1 image')
    """
    return count_of(most, thing) if least == most else f"{least:,} to {count_of(most, thing)}"


def _say_line(line: str, label: str) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if not console.is_terminal or cell_len(label) + cell_len(line) <= console.width:
        typer.echo(f"{label}{line}")
        return
    indent = min(cell_len(label), max(console.width - NARROWEST, 0))
    for place, part in enumerate(Text(line).wrap(console, max(console.width - indent, 1))):
        typer.echo(f"{' ' * indent if place else label[: len(label) - cell_len(label) + indent]}{part.plain}".rstrip())
