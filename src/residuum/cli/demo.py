"""``residuum demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the runs, the plot and the page")] = Path(
        "runs/demo"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="number of runs per network")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="number of epochs per run")] = 15,
) -> None:
    """See in two minutes why residual networks exist: 20 and 56 layers, with and without shortcuts.

    Trains on the handwritten digits of scikit-learn; downloads nothing.
    """
    from .showing import show_degradation

    show_degradation(output, seeds, epochs)
