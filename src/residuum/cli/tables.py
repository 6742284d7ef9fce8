"""Human-readable tables, machine-readable JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from residuum_runtime.showing import prints_unicode

if TYPE_CHECKING:
    from rich.table import Table

GAP = 2  # between two columns
NARROWEST = 16  # least width of a wrapped text column


def on_terminal() -> bool:
    """Return whether tables are drawn for a terminal, at its width."""
    from rich.console import Console

    return Console().is_terminal


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    numbers: Sequence[str] = (),
    dropped: Sequence[str] = (),
) -> None:
    """Print a table: drawn on a terminal, complete and tab-separated on a pipe.

    Args:
        columns: their names.
        rows: a cell for each column.
        numbers: right-aligned columns, never wrapped.
        dropped: columns that a narrow terminal omits, in this order; a line below names them.
    """
    from rich.console import Console

    console = Console()
    cells = [[_plain(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for row in (columns, *cells):
            typer.echo("\t".join(row))
        return
    kept = _that_fit(columns, cells, numbers, dropped, console.width)
    console.print(_drawn(columns, cells, numbers, kept, console.width))
    if len(kept) < len(columns):
        left = [name for place, name in enumerate(columns) if place not in kept]
        note = f"left out at {console.width} columns: {', '.join(left)} (--json and pipes have all)"
        console.print(note, style="dim", highlight=False, markup=False)


def shortened(notes: Sequence[str], most: int = 12) -> list[str]:
    """Return the first notes, and the number of the others."""
    more = len(notes) - most
    return [*notes] if more <= 0 else [*notes[:most], f"{more:,} more notes (--json and reports have all)"]


def show_lines(label: str, text: str) -> None:
    """Print a label and its text; on a terminal, continuation lines are indented and break between words."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        typer.echo(f"{label}: {text}")
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    indent = min(len(label) + 1, console.width // 2)
    grid.add_column(width=indent, overflow="fold")
    grid.add_column(overflow="fold")
    grid.add_row(Text(f"{label}:", style="bold"), Text(text))
    console.print(grid)


class RowTable:
    """A table printed in parts as they arrive: the heading once, then the rows of each part.

    Args:
        columns: their names.
        numbers: right-aligned columns.
    """

    def __init__(self, columns: Sequence[str], numbers: Sequence[str] = ()) -> None:
        from rich.console import Console

        self.columns, self.numbers, self.console = columns, numbers, Console()
        self.widths: list[int] = []  # of the parts so far; later parts keep them where they fit

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Print some rows."""
        first = not self.widths
        cells = [[str(cell) for cell in row] for row in rows]
        table = [list(self.columns), *cells] if first else cells
        widths = _widths(self.columns if first else [""] * len(self.columns), cells)
        self.widths = [max(pair) for pair in zip(self.widths or widths, widths, strict=True)]
        if self.console.is_terminal:
            self._draw(cells, first)
            return
        for row in table:
            typer.echo("\t".join(row))

    def _fitting_widths(self) -> list[int]:
        """Return the columns' widths on this terminal: text columns wrap, the last one first; numbers never do."""
        widths = list(self.widths)
        excess = sum(widths) + GAP * (len(widths) - 1) - self.console.width
        for place in reversed(range(len(widths))):
            if self.columns[place] not in self.numbers and excess > 0:
                narrowed = max(widths[place] - excess, min(widths[place], NARROWEST))
                excess -= widths[place] - narrowed
                widths[place] = narrowed
        return widths

    def _draw(self, rows: list[list[str]], heading: bool) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False, show_header=heading)
        for column, width in zip(self.columns, self._fitting_widths(), strict=True):
            number = column in self.numbers
            justify = "right" if number else "left"
            table.add_column(column, justify=justify, overflow="fold", no_wrap=number, width=width)
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(table)


def show_json(value: Any) -> None:
    """Print JSON; escape characters that the output's code page lacks."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=not prints_unicode()))


def _plain(cell: Any) -> str:
    """Return a cell as one line of text: a tab or a line feed in a name would start another cell."""
    return "".join(character if character.isprintable() else " " for character in str(cell))


def _that_fit(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str], dropped: Sequence[str], width: int
) -> list[int]:
    """Return the indices of the shown columns."""
    widths = _widths(columns, rows)
    least = [wide if name in numbers else min(wide, NARROWEST) for name, wide in zip(columns, widths, strict=True)]
    least[0] = min(widths[0], max(NARROWEST, width // 2))  # one very long name must not crowd out the other columns
    kept = list(range(len(columns)))
    for name in dropped:
        if sum(least[place] for place in kept) + GAP * (len(kept) - 1) <= width:
            break
        kept.remove(columns.index(name))
    return kept


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _drawn(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str], kept: Sequence[int], width: int
) -> Table:
    from rich.table import Table
    from rich.text import Text

    widths = _widths(columns, rows)
    others = [widths[place] if columns[place] in numbers else min(widths[place], NARROWEST) for place in kept[1:]]
    whole = widths[0] + sum(others) + GAP * len(others) <= width  # names stay whole for copying
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place in kept:
        is_number = columns[place] in numbers
        fixed = whole if place == 0 else is_number
        table.add_column(Text(columns[place]), justify="right" if is_number else "left", overflow="fold", no_wrap=fixed)
    for row in rows:
        table.add_row(*(Text(row[place]) for place in kept))
    return table
