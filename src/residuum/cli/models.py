"""``residuum models``."""

from __future__ import annotations

from typing import Annotated

import typer


def models(
    pattern: Annotated[str, typer.Argument(help="part of a name, or a shell pattern")] = "*",
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List the models: name, depth, parameters, multiply-accumulates, source.

    residuum models

    residuum models 'cifar_resnet*'
    """
    from ..errors import InputError, nearest
    from ..models import VARIANTS, list_models
    from ..models.counted import counts_of
    from ..models.elsewhere import canonical
    from .tables import show_json, show_table

    def print_note(message: str) -> None:
        typer.echo(message, err=True)

    names = list_models(pattern)
    if not names:
        own = canonical(pattern, VARIANTS)
        hint = f"it is {own} here" if own else nearest(pattern, list(VARIANTS))
        raise InputError(f"no model matches {pattern!r}; {hint}")
    rows = [(name, VARIANTS[name], counts) for name, counts in counts_of(names, print_note).items()]
    if json:
        show_json(
            [
                {
                    "name": name,
                    "depth": row.depth,
                    **counts._asdict(),
                    "image_size": row.image_size,
                    "source": row.source,
                }
                for name, row, counts in rows
            ]
        )
        return
    columns = ["name", "depth", "parameters", "million MACs", "at", "source"]
    cells = [
        (name, row.depth, f"{counts.parameters:,}", f"{counts.macs / 1e6:,.1f}", row.image_size or "", row.source)
        for name, row, counts in rows
    ]
    show_table(columns, cells, numbers=columns[1:5], dropped=["at", "million MACs"])
