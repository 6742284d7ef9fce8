"""What ``residuum demo`` shows."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from ..data import open_data
from ..evaluation import predict
from ..experiments import degradation
from ..experiments.degradation_page import write_page
from ..experiments.members import train_members, training_seconds
from ..weights import load
from .tables import show_table

DEPTHS = [20, 56]
SHOWN = 8  # held-out digits to predict at the end


def show_degradation(output: Path, seeds: int, epochs: int) -> None:
    """Train the twins, print what they show, write the picture and the page, and predict some digits."""
    members = degradation.members("digits", DEPTHS, seeds, epochs=epochs, batch_size=128, precision="fp32")
    shallow, deep = DEPTHS
    typer.echo(
        f"Training {len(members)} networks on 8x8 handwriting: plain and residual, {shallow} and {deep} layers.\n"
    )
    if output.exists():
        typer.echo(f"Runs found in {output} are gone on with; remove the folder to train them anew.\n")
    started, histories = time.perf_counter(), {}
    for number, (name, history) in enumerate(train_members(members, output), 1):
        histories[name] = history
        last, seconds = history[-1], time.perf_counter() - started
        accuracies = f"training {last['train_acc1']:5.1f} %  test {last['val_acc1']:5.1f} %"
        typer.echo(f"{number:>3}/{len(members)}  {name:<18} {accuracies}  {seconds:4.0f} s")
    measured = degradation.measure(histories, "digits")
    typer.echo()
    header, rows = degradation.table(measured)
    show_table(header, rows, numbers=header[1:])
    typer.echo(f"\n{degradation.answer(measured)}\n")
    command = f"residuum demo --seeds {seeds} --epochs {epochs}"
    page = write_page(measured, output, seconds=training_seconds(output, members), command=command)
    _predict_held_out(output / "residual-20-seed0")
    typer.echo(f"\nlook at {page} and {page.with_suffix('.png')}")


def _predict_held_out(run: Path) -> None:
    model, held_out = load(run / "model.safetensors"), open_data("digits").val
    pictures = list(held_out.pixels[:SHOWN])  # type: ignore[union-attr]
    rows = [
        (number, digit, prediction.top, f"{100 * prediction.probabilities[0]:.1f}")
        for number, (digit, prediction) in enumerate(
            zip(held_out.labels.tolist(), predict(model, pictures), strict=False)
        )
    ]
    typer.echo(f"{run / 'model.safetensors'} reads digits that no training picture showed:")
    show_table(["picture", "is", "read as", "sure %"], rows, numbers=["picture", "sure %"])
