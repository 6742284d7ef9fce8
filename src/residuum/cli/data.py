"""``residuum data``: looking at images before training on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from residuum_runtime.names import printable

from .options import MaxPixels

app = typer.Typer(help="Look at images before training on them.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Look at images before training on them."""


@app.command("stats")
def stats(
    folder: Annotated[Path, typer.Argument(help="a folder of CLASS/*.jpg, or with train/ and val/")],
    size: Annotated[int, typer.Option(min=1, help="side of what a network receives, pixels")] = 224,
    cache_size: Annotated[int, typer.Option(min=1, help="shorter side that --cache would keep, pixels")] = 256,
    max_pixels: MaxPixels = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say what a folder holds (sizes, formats, classes, damage, colours), and where the time of an epoch goes.

    residuum data stats PHOTOS

    residuum data stats PHOTOS --size 160 --cache-size 183 --json
    """
    from ..data.overview import overview
    from .tables import show_json

    found = overview(folder, size=size, side=cache_size, max_pixels=max_pixels)
    if json:
        show_json(found)
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    from .tables import shortened, show_table

    for name, value in _facts(found).items():
        typer.echo(f"{name:>11}  {printable(value)}")
    for note in shortened(found["notes"]):
        typer.echo(f"{'note':>11}  {note}")
    typer.echo()
    most = max(found["classes"].values(), default=0) or 1
    rows = [(name, f"{count:,}", f"{count / most:.2f}") for name, count in found["classes"].items()]
    show_table(["class", "images", "of the largest"], rows, numbers=["images", "of the largest"])
    if rates := found["images_per_core_second"]:
        typer.echo(f"\nimages a second of one core, to {found['size']}x{found['size']}, of {found['sample']:,} images:")
        show_table(["part", "images/s"], [(part, f"{rate:,.0f}") for part, rate in rates.items()], numbers=["images/s"])
        gain = rates["all, from a cache"] / rates["all, decoded"]
        typer.echo(
            f"\nwith --cache an epoch's images take {gain:.1f} times less, and {found['cache_bytes'] / 1e6:,.1f} MB"
        )


def _facts(found: dict[str, Any]) -> dict[str, str]:
    sides, counts = found["sides"], found["classes"].values()
    told = {
        "folder": found["folder"],
        "images": f"{found['pictures']:,}: {sides['train']:,} to train on, {sides['val']:,} to validate on "
        f"({found['val_is']})" + (f", {sides['test']:,} to test on" if sides["test"] else ""),
        "classes": f"{len(counts)}, of {min(counts):,} to {max(counts):,} images",
        "formats": ", ".join(f"{name}: {count:,}" for name, count in found["formats"].items()),
    }
    if found["bytes"]:
        spread = found["bytes"]
        told["bytes"] = f"{spread['sum'] / 1e6:,.1f} MB; a file {spread['least']:,} to {spread['most']:,}"
        for name in ("height", "width"):
            told[name] = "{least} to {most} pixels, half of them up to {median}".format(**found[name])
        for name in ("smallest", "largest"):
            told[name] = "{name}: {height}x{width}".format(**found[name])
        told["mean"] = (
            ", ".join(f"{value:.3f}" for value in found["mean"]) + f" (red, green, blue of {found['sample']:,})"
        )
        told["std"] = ", ".join(f"{value:.3f}" for value in found["std"])
    for number, damaged in enumerate(found["unreadable"][:10]):
        told[f"unreadable{'' if not number else f' {number + 1}'}"] = f"{damaged['name']}: {damaged['problem']}"
    if len(found["unreadable"]) > 10:
        told["and"] = f"{len(found['unreadable']) - 10:,} more that cannot be read (--json names them)"
    return told
