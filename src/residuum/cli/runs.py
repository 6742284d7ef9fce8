"""``residuum runs``."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..training.compared import RunSummary

WIDEST = 6  # columns of settings in a table; the rest is named below it


def runs(
    folder: Annotated[Path, typer.Argument(help="the folder above the runs, or one run")] = Path("runs"),
    sort: Annotated[str, typer.Option(help="best, last, result, epochs, time or name")] = "best",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the picture [default: runs.png in the folder]")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="print JSON, and draw no picture unless --output is given")
    ] = False,
) -> None:
    """Compare runs: a table of what each came to and of the settings that differ, and a picture of their curves.

    residuum runs runs

    residuum runs runs --sort time --output compared.png

    residuum runs runs --json
    """
    from ..training.compared import differing_settings, find_runs, in_order
    from .tables import show_json

    found, refused = find_runs(folder)
    found = in_order(found, sort)
    for note in refused:
        typer.echo(f"note: {note}", err=True)
    differing = differing_settings(found)
    if json:
        show_json({"runs": [_as_json(run, differing) for run in found], "differing": differing})
    else:
        _show(found, differing)
    if output is not None or not json:
        _draw(found, output or folder / "runs.png", quiet=json)


def _as_json(run: RunSummary, differing: list[str]) -> dict[str, Any]:
    best, last = run.best or {}, run.last or {}
    return {
        "run": run.name,
        "epochs": run.epochs,
        "of": run.settings["epochs"],
        "best_val_acc1": best.get("val_acc1"),
        "best_epoch": best.get("epoch"),
        "last_val_acc1": None if run.last is None or isnan(last["val_acc1"]) else last["val_acc1"],
        "last_train_acc1": last.get("train_acc1"),
        "last_train_loss": last.get("train_loss"),
        "result_acc1": run.result,
        "seconds": run.seconds,
        "settings": {name: run.settings.get(name) for name in differing},
    }


def _show(found: list[RunSummary], differing: list[str]) -> None:
    from .tables import show_table

    named = [name for name in differing if name != "epochs"]  # which have a column already
    shown, rest = named[:WIDEST], named[WIDEST:]
    numbers = ["epochs", "best %", "at", "last %", "train %", "result %", "minutes"]
    rows = [_row(run) + [_setting(run.settings.get(name)) for name in shown] for run in found]
    show_table(["run", *numbers, *shown], rows, numbers=numbers)
    if rest:
        typer.echo(f"\nthey differ in {', '.join(rest)} too: --json has all")
    if len(found) > 1 and not differing:
        typer.echo("\nall settings are alike")


def _row(run: RunSummary) -> list[str]:
    best, last = run.best, run.last
    epochs = f"{run.epochs}/{run.settings['epochs']}"
    minutes = f"{run.seconds / 60:.1f}"
    result = "–" if run.result is None else f"{run.result:.2f}"
    if best is None or last is None:
        return [run.name, epochs, "–", "–", "–", "–", result, minutes]
    ended = "–" if isnan(last["val_acc1"]) else f"{last['val_acc1']:.2f}"
    accuracies = [f"{best['val_acc1']:.2f}", f"{best['epoch']:.0f}", ended]
    return [run.name, epochs, *accuracies, f"{last['train_acc1']:.2f}", result, minutes]


def _setting(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _draw(found: list[RunSummary], path: Path, quiet: bool) -> None:
    from ..files import write_bytes
    from ..report.runs import RunCurve, runs_figure
    from ..report.style import png

    curves = [
        RunCurve(
            run.name,
            *([row[column] for row in run.history] for column in ("epoch", "val_acc1", "train_loss")),
        )
        for run in found
        if run.history
    ]
    if not curves:
        typer.echo("\nno run has finished an epoch, so there is nothing to draw", err=True)
        return
    write_bytes(path, png(runs_figure(curves)))
    if not quiet:
        typer.echo(f"\nlook at {path}")
