"""What ``residuum train --seeds`` and ``--lr-find`` do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer

from ..files import write_bytes
from ..report.lr_curve import lr_curve
from ..report.style import png
from ..runs.protocol import (
    FIRST,
    Protocol,
    new_protocol,
    open_member,
    read_protocol,
    settled_by,
    told,
    write_table,
)
from ..settings import Asked
from ..settings.recipe import verdict
from ..training import Run, new_run
from ..training.lr_find import find_lr
from ..training.result import Result, read_result
from .following import train_and_tell

STEPS = 100  # of the range test


def start_seeds(output: Path, given: Asked, seeds: int, against: list[str]) -> None:
    """Run the seeds of one or two configurations."""
    _run_all(output, new_protocol(output, seeds, given, against))


def go_on_seeds(folder: Path) -> None:
    """Resume the runs that ``--seeds`` started."""
    _run_all(folder, read_protocol(folder))


def _run_all(folder: Path, protocol: Protocol) -> None:
    results: dict[str, list[Result]] = {}
    settled: Asked = {}
    last: Run | None = None
    for seed in range(protocol.seeds):
        for name, given in protocol.configurations().items():
            place = folder / name / f"seed-{seed}" if protocol.against else folder / f"seed-{seed}"
            typer.echo(f"\n{'':>11}  {name if protocol.against else 'run'} {seed + 1} of {protocol.seeds}, seed {seed}")
            run = open_member(place, given, seed, settled)
            settled = settled or settled_by(place)
            train_and_tell(run, report=False, brief=seed > 0)
            results.setdefault(name, []).append(read_result(place))
            last = run if name == FIRST else last
    write_table(folder, results)
    typer.echo("\n" + "\n".join(told(results, protocol)))
    errors = [result.error for result in results[FIRST]]
    mean, named = sum(errors) / len(errors), f"mean of {len(errors)} runs"
    if last is not None and (claim := verdict(last.settings, last.dataset, mean, named)):
        typer.echo(claim)
    typer.echo(f"look at {folder / 'seeds.csv'}")


def show_lr(output: Path | None, given: Asked) -> None:
    """Try rates, print which one to take, and draw the curve."""
    with tempfile.TemporaryDirectory() as folder:
        run = new_run(Path(folder) / "run", given)
        settings = run.settings
        typer.echo(f"{settings.model} on {run.dataset.name}: {STEPS} steps of {settings.batch_size} images ...")
        curve = find_lr(run, STEPS)
    marks = {"steepest": curve.steepest, "a tenth of the best": curve.tenth}
    path = (output or Path()) / "lr_find.png"
    write_bytes(path, png(lr_curve(curve.rates, curve.losses, curve.smooth, marks)))
    typer.echo(f"the loss falls fastest at {curve.steepest:.2g} and is lowest at {10 * curve.tenth:.2g}")
    typer.echo(f"try: --lr {curve.tenth:.2g}, a tenth of the latter (the plan's own: {run.settings.lr:.2g})")
    typer.echo(f"look at {path}")
