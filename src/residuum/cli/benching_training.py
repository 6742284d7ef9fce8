"""Measure, print and write the results of ``residuum bench training``."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import torch
import typer

from residuum_runtime.machine import features, processor

from ..bench.training_loops import RESIDUUM, LoopTiming, Task, ceiling, measure
from ..files import write_bytes, write_text
from ..machine.ceiling import Rates, Work
from ..report.style import png
from ..report.training_speed import training_figure
from .tables import show_table


def run(task: Task, rounds: int, steps: int) -> dict[str, Any]:
    """Return the figures of every loop."""
    work, rates = ceiling(task)
    rows = measure(task, rounds, steps, lambda said: typer.echo(said, err=True))
    ours = next(row for row in rows if row.name == RESIDUUM)
    return {
        "model": task.model,
        "data": task.data or f"random images of {task.size}x{task.size}",
        "batch_size": task.batch_size,
        "threads": task.threads,
        "torch": torch.__version__,
        "processor": processor(),
        "features": features(),
        "rounds": rounds,
        "steps": steps,
        "flops_per_image": work.flops,
        "machine": {"flops_per_second": rates.flops_per_second, "bytes_per_second": rates.bytes_per_second},
        "rows": [_figures(row, ours, task.batch_size, work, rates) for row in rows],
    }


def _figures(row: LoopTiming, ours: LoopTiming, batch_size: int, work: Work, rates: Rates) -> dict[str, Any]:
    speed = row.images_per_second(batch_size)
    ratios = [theirs / own for theirs, own in zip(row.seconds, ours.seconds, strict=True)]
    return {
        "name": row.name,
        "precision": row.precision,
        "how": row.how,
        "images_per_second": speed,
        "step_ms": 1e3 * statistics.median(row.seconds),
        "share": speed / rates.images_per_second(work, row.precision),
        "flops_per_second": speed * work.flops,
        "flops_per_byte": work.flops / work.bytes(row.precision),
        "residuum_is_faster": statistics.median(ratios),
        "by_round": ratios,
        "seconds": row.seconds,
    }


def show(found: dict[str, Any]) -> None:
    """Print the table and the machine's measured rates."""
    can = ", ".join(found["features"]) or "features unknown"
    typer.echo(
        f"{found['model']}, {found['data']}, batch {found['batch_size']}, threads: {found['threads']}, "
        f"torch {found['torch']}, {found['processor']} ({can})\n"
    )
    columns = ["loop", "precision", "images/s", "step ms", "of the ceiling", "Residuum is faster", "rounds", "how"]
    rows = []
    for row in found["rows"]:
        low, high = min(row["by_round"]), max(row["by_round"])
        spread = "" if row["name"] == RESIDUUM else f"{low:.2f}-{high:.2f}"
        faster = "" if row["name"] == RESIDUUM else f"{row['residuum_is_faster']:.2f} x"
        numbers = [f"{row['images_per_second']:,.1f}", f"{row['step_ms']:.1f}", f"{100 * row['share']:.0f} %"]
        rows.append((row["name"], row["precision"], *numbers, faster, spread, row["how"]))
    show_table(columns, rows, numbers=columns[2:7])
    machine = found["machine"]
    rates = ", ".join(f"{name} {rate / 1e9:,.0f} GFLOP/s" for name, rate in machine["flops_per_second"].items())
    typer.echo(
        f"\nthis machine now: {rates} (3x3 convolution), memory {machine['bytes_per_second'] / 1e9:.1f} GB/s (copy)"
    )


def write(found: dict[str, Any], folder: Path) -> None:
    """Write ``training.json`` and ``training.png``."""
    write_text(folder / "training.json", json.dumps(found, indent=1) + "\n")
    title = f"{found['model']}, batch {found['batch_size']}, threads: {found['threads']}, {found['processor']}"
    write_bytes(folder / "training.png", png(training_figure(found["rows"], found["machine"], title)))
