"""Human-readable sentences and facts: a terminal gets lines wrapped between words, a pipe gets one line each."""

from __future__ import annotations

from collections.abc import Iterable

import typer

NARROWEST = 20  # least width of the text beside its label


def say(text: str, label: str = "") -> None:
    """Print a text; on a terminal, continuation lines align with the first word after the label.

    Args:
        text: a sentence, or several lines of them.
        label: printed unchanged before the text.
    """
    for line in text.split("\n"):
        _say_line(line, label)


def show_facts(facts: Iterable[tuple[str, str]], width: int) -> None:
    """Print one fact per line: its name, right-aligned in ``width`` columns, and its value."""
    for name, fact in facts:
        say(fact, f"{name:>{width}}  ")


def count_of(number: int, thing: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1.

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
