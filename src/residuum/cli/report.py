"""``residuum report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    studies: Annotated[list[Path], typer.Argument(help="folders written by `residuum study`")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the page")] = Path("report.html"),
) -> None:
    """Write one self-contained page on several studies: questions, answers, figures, numbers, and how to repeat them.

    residuum report runs/study-degradation

    residuum report runs/study-* --output studies.html
    """
    from ..experiments.study import write_pages

    write_pages(studies, output)
    typer.echo(f"see {output}")
