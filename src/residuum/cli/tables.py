"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: Sequence[str] = ()) -> None:
    """Print a table: drawn on a terminal, tab-separated on a pipe. Columns named in ``numbers`` are set right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for row in (columns, *rows):
            typer.echo("\t".join(str(cell) for cell in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        first = column == columns[0]  # names stay whole, so that they can be copied
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold", no_wrap=first)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def show_json(value: Any) -> None:
    """Print JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
