"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer

from residuum_runtime.showing import prints_unicode


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: Sequence[str] = ()) -> None:
    """Print a table: drawn on a terminal, tab-separated on a pipe. Columns named in ``numbers`` are set right."""
    RowTable(columns, numbers).add(rows)


class RowTable:
    """A table printed in parts, as they come: the heading once, then the rows of each part.

    Args:
        columns: their names.
        numbers: those that are set right.
    """

    def __init__(self, columns: Sequence[str], numbers: Sequence[str] = ()) -> None:
        from rich.console import Console

        self.columns, self.numbers, self.console = columns, numbers, Console()
        self.widths: list[int] = []  # of the parts so far: later ones stand below them where they can

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Print some rows."""
        first = not self.widths
        cells = [[str(cell) for cell in row] for row in rows]
        table = [list(self.columns), *cells] if first else cells
        widths = [max((len(row[place]) for row in table), default=1) for place in range(len(self.columns))]
        self.widths = [max(pair) for pair in zip(self.widths or widths, widths, strict=True)]
        if self.console.is_terminal:
            self._draw(cells, first)
            return
        for row in table:
            typer.echo("\t".join(row))

    def _draw(self, rows: list[list[str]], heading: bool) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False, show_header=heading)
        for column, width in zip(self.columns, self.widths, strict=True):
            first = column == self.columns[0]  # names stay whole, so that they can be copied
            justify = "right" if column in self.numbers else "left"
            table.add_column(column, justify=justify, overflow="fold", no_wrap=first, min_width=width)
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(table)


def show_json(value: Any) -> None:
    """Print JSON; what the output's code page lacks is escaped as JSON has it."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=not prints_unicode()))
