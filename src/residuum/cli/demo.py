"""``residuum demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the runs, the figure and the page")] = Path(
        "runs/demo"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="runs of each network")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="of each run")] = 15,
) -> None:
    """See in two minutes why residual networks exist: 20 and 56 layers, with and without shortcuts.

    Trains on handwritten digits that come with scikit-learn; nothing is downloaded.
    """
    from .showing import show_degradation

    show_degradation(output, seeds, epochs)
