"""Measure, print and write the results of ``residuum bench inference``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from torch import nn

from residuum_runtime.machine import features, processor, thread_count

from ..bench.engines import baseline, label_pictures, make_rows, measure
from ..bench.peers import PEERS
from ..data import Dataset, open_data
from ..data.folder import IMAGENET_MEAN, IMAGENET_STD
from ..errors import InputError
from ..files import write_bytes, write_text
from ..models import BUILDERS, VARIANTS, Preprocessing, build, describe
from ..report.speed import speed_figure
from ..report.style import png
from .opening import open_model
from .tables import show_table


def run(
    name: str,
    engines: Sequence[str],
    *,
    batch: str,
    threads: int | None,
    data: str | None,
    pictures: int,
    seconds: float,
    size: int,
) -> dict[str, Any]:
    """Return the figures of every row."""
    batches = read_batches(batch)
    count, dataset = thread_count(threads), open_data(data) if data is not None else None
    model = _open(name, size, dataset)
    with tempfile.TemporaryDirectory() as folder:
        rows = make_rows(model, Path(folder), engines, count, dataset, _say)
        asked = label_pictures(model, dataset, pictures, Path(folder) / "pictures.npz") if dataset is not None else None
        measure(rows, batches, seconds, _say, asked)
    against = baseline(rows)
    return {
        "model": describe(model).model,
        "threads": count,
        "processor": processor(),
        "features": features(),
        "batches": batches,
        "against": str(against) if against is not None else None,
        "rows": [row.figures(against) for row in rows],
    }


def read_batches(text: str) -> list[int]:
    """Return the sizes of ``1,16``."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--batch must be comma-separated whole numbers above 0, got {text!r}: 1,16")
    return [int(part) for part in parts]


def _open(name: str, size: int, data: Dataset | None) -> nn.Module:
    if name not in VARIANTS and name not in BUILDERS:
        return open_model(name)
    mean, std = (data.mean, data.std) if data is not None else (IMAGENET_MEAN, IMAGENET_STD)
    classes: dict[str, Any] = {"num_classes": len(data.classes)} if data is not None else {}
    model = build(name, **classes)
    describe(model).preprocessing = Preprocessing((size, size), mean, std)
    return model.eval()


def _say(what: str) -> None:
    typer.echo(what, err=True)


def show(found: dict[str, Any]) -> None:
    """Print a table for each batch size."""
    can = ", ".join(found["features"]) or "features unknown"
    typer.echo(f"{found['model']}, threads: {found['threads']}, {found['processor']} ({can})")
    for batch in found["batches"]:
        typer.echo(f"\nbatch {batch}")
        columns = ["row", "precision", "p50 ms", "p95 ms", "p99 ms", "images/s", "times eager"]
        columns += ["memory MB", "cold start s", "MB", "accuracy %"]
        measured = [row for row in found["rows"] if batch in row["batches"]]
        rows = []
        for row in sorted(measured, key=lambda row: row["batches"][batch]["p50_ms"]):
            times = row["batches"][batch]
            latencies = [f"{times[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
            accuracy = "" if row["accuracy"] is None else f"{row['accuracy']:.2f}"
            ratio = f"{times['times']:.2f}" if "times" in times else ""
            numbers = [ratio, f"{row['memory_mb']:.0f}", f"{row['cold_start']:.2f}", f"{row['size_mb']:.1f}", accuracy]
            rows.append((row["name"], row["precision"], *latencies, f"{times['images_per_second']:.1f}", *numbers))
        show_table(columns, rows, numbers=columns[2:])
        if found["against"] is not None:
            typer.echo(_fastest(measured, batch, found["against"]))
    for row in found["rows"]:
        if row["problem"]:
            typer.echo(f"\nnot run: {row['name']} {row['precision']}: {row['problem']}")


def _fastest(measured: Sequence[dict[str, Any]], batch: int, against: str) -> str:
    """Return a sentence on the fastest export and the fastest of the others."""
    said = []
    for kind, peers in (("export", False), ("peer", True)):
        rows = [row for row in measured if (row["name"] in PEERS) == peers]
        if rows:
            best = max(rows, key=lambda row: row["batches"][batch]["times"])
            said.append(f"fastest {kind}: {best['label']}, {best['batches'][batch]['times']:.2f} times {against}")
    return "; ".join(said)


def write(found: dict[str, Any], folder: Path) -> None:
    """Write ``speed.json`` and ``speed.png``."""
    write_text(folder / "speed.json", json.dumps(found, indent=1) + "\n")
    title = f"{found['model']}, threads: {found['threads']}, {found['processor']}"
    write_bytes(folder / "speed.png", png(speed_figure(found["rows"], found["batches"], title)))
