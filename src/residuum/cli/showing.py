"""Run ``residuum demo``."""

from __future__ import annotations

from pathlib import Path

import typer

from ..data import open_data
from ..evaluation import predict
from ..files import write_bytes
from ..weights import load
from .studying import run
from .tables import show_table

SHOWN = 8  # held-out digits to predict at the end


def show_degradation(output: Path, seeds: int, epochs: int) -> None:
    """Run the degradation study on the digits, write its figure in one piece, and predict some digits."""
    from ..experiments.degradation import both_kinds
    from ..experiments.form import read_json
    from ..report.style import png

    typer.echo("Networks of 20 and 56 layers, plain and residual, learn to read 8x8 handwriting.\n")
    if output.exists():
        typer.echo(f"Runs in {output} are resumed; remove the folder to train them again.\n")
    run("degradation", {"seeds": seeds, "epochs": epochs}, output, budget=0, workers=0, check=False, json=False)
    write_bytes(output / "degradation.png", png(both_kinds(read_json(output / "study.json")["numbers"])))
    _predict_held_out(output / "residual-20-seed0")
    typer.echo(f"\nsee {output / 'degradation.html'} and {output / 'degradation.png'}")


def _predict_held_out(run: Path) -> None:
    model, held_out = load(run / "model.safetensors"), open_data("digits").val
    pictures = list(held_out.pixels[:SHOWN])  # type: ignore[union-attr]
    rows = [
        (number, digit, prediction.top, f"{100 * prediction.probabilities[0]:.1f}")
        for number, (digit, prediction) in enumerate(
            zip(held_out.labels.tolist(), predict(model, pictures), strict=False)
        )
    ]
    typer.echo(f"{run / 'model.safetensors'} reads held-out digits:")
    show_table(["image", "is", "read as", "sure %"], rows, numbers=["image", "sure %"])
