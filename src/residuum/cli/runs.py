"""``residuum runs``."""

from __future__ import annotations

from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..runs.compared import RunSummary

NUMBERS = ["epochs", "best %", "at", "last %", "train %", "result %", "minutes"]
DROPPED = ["at", "train %", "last %", "minutes", "epochs"]  # from the table of a narrow terminal, in this order
LISTED = 4  # largest number of runs listed per value; more become "the others"


def runs(
    folder: Annotated[Path, typer.Argument(help="the folder that holds the runs, or one run")] = Path("runs"),
    sort: Annotated[str, typer.Option(help="best, last, result, epochs, time or name")] = "best",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the plot [default: runs.png in the folder]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON; draw no plot unless --output is given")] = False,
) -> None:
    """Compare runs: a table of results and of the settings that differ, and a plot of their curves.

    residuum runs runs

    residuum runs runs --sort time --output compared.png

    residuum runs runs --json
    """
    from ..runs.compared import differing_settings, find_runs, in_order
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
        "last_val_acc1": _finite(last.get("val_acc1")),
        "last_train_acc1": _finite(last.get("train_acc1")),
        "last_train_loss": _finite(last.get("train_loss")),
        "result_acc1": run.result,
        "seconds": run.seconds,
        "settings": {name: run.settings.get(name) for name in differing},
    }


def _finite(value: float | None) -> float | None:
    """Return a number for JSON, or None for the non-finite result of a diverged run."""
    return value if value is not None and isfinite(value) else None


def _show(found: list[RunSummary], differing: list[str]) -> None:
    from .tables import on_terminal, show_lines, show_table

    named = [name for name in differing if name != "epochs"]  # which has a column already
    below = on_terminal()  # a pipe gets a column per setting
    beside = [] if below else named
    rows = [_row(run) + [_setting(run.settings.get(name)) for name in beside] for run in found]
    show_table(["run", *NUMBERS, *beside], rows, numbers=NUMBERS, dropped=DROPPED)
    if len(found) > 1 and not differing:
        typer.echo("\nall settings are equal")
    if below and named:
        typer.echo("\nSettings that differ:")
        for name in named:
            show_lines(name, _by_value(found, name))


def _by_value(found: list[RunSummary], name: str) -> str:
    """Return a setting's values, each with its runs; the largest group becomes "the N others"."""
    groups: dict[str, list[str]] = {}
    for run in found:
        groups.setdefault(_setting(run.settings.get(name)), []).append(run.name)
    said = {value: ", ".join(runs) for value, runs in groups.items()}
    commonest = max(groups, key=lambda value: len(groups[value]))
    if len(groups[commonest]) > LISTED:
        del said[commonest]  # moves to the end
        said[commonest] = f"the {len(groups[commonest])} others"
    return ", ".join(f"{value} ({runs})" for value, runs in said.items())


def _row(run: RunSummary) -> list[str]:
    best, last = run.best, run.last
    epochs = f"{run.epochs}/{run.settings['epochs']}"
    minutes = f"{run.seconds / 60:.{1 if run.seconds >= 60 else 2}f}"
    result = "–" if run.result is None else f"{run.result:.2f}"
    best_of = ["–", "–"] if best is None else [_percent(best["val_acc1"]), f"{best['epoch']:.0f}"]
    ended = ["–", "–"] if last is None else [_percent(last["val_acc1"]), _percent(last["train_acc1"])]
    return [run.name, epochs, *best_of, *ended, result, minutes]


def _percent(value: float) -> str:
    return "–" if isnan(value) else f"{value:.2f}"


def _setting(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _draw(found: list[RunSummary], path: Path, quiet: bool) -> None:
    from ..files import write_bytes
    from ..report.runs_figure import RunCurve, runs_figure
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
        typer.echo(f"\nsee {path}")
