"""``residuum data``: inspect images before training on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from residuum_runtime.names import printable

from .options import MaxPixels

FACTS = 11  # width of the names' column

app = typer.Typer(help="Inspect images before training on them.", no_args_is_help=True)


@app.callback()
def data() -> None:
    """Inspect images before training on them."""


@app.command("stats")
def stats(
    folder: Annotated[Path, typer.Argument(help="a folder of CLASS/*.jpg, or with train/ and val/")],
    size: Annotated[int, typer.Option(min=1, help="side of the network's input, pixels")] = 224,
    cache_size: Annotated[int, typer.Option(min=1, help="shorter side of images in --cache, pixels")] = 256,
    max_pixels: MaxPixels = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Report a folder's content (sizes, formats, classes, damage, colours), and where the time of an epoch goes.

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
    from .saying import count_of, say, show_facts
    from .tables import shortened, show_table

    facts = {name: printable(value) for name, value in _facts(found).items()}
    show_facts([*facts.items(), *(("note", note) for note in shortened(found["notes"]))], FACTS)
    typer.echo()
    most = max(found["classes"].values(), default=0) or 1
    rows = [(name, f"{count:,}", f"{count / most:.2f}") for name, count in found["classes"].items()]
    show_table(["class", "images", "of the largest"], rows, numbers=["images", "of the largest"])
    if rates := found["images_per_core_second"]:
        size = f"{found['size']}x{found['size']}"
        say(f"\nimages a second of one core, to {size}, of {count_of(found['sample'], 'image')}:")
        show_table(["part", "images/s"], [(part, f"{rate:,.0f}") for part, rate in rates.items()], numbers=["images/s"])
        gain = rates["all, from a cache"] / rates["all, decoded"]
        less = f"{gain:.1f} times less" if gain > 1 else f"{1 / gain:.1f} times more"
        say(f"\nwith --cache an epoch's images take {less} time, and {found['cache_bytes'] / 1e6:,.1f} MB")


def _facts(found: dict[str, Any]) -> dict[str, str]:
    sides, counts = found["sides"], found["classes"].values()
    least, most = min(counts), max(counts)
    from .saying import span_of

    told = {
        "folder": found["folder"],
        "images": f"{found['pictures']:,}: {sides['train']:,} to train on, {sides['val']:,} to validate on "
        f"({found['val_is']})" + (f", {sides['test']:,} to test on" if sides["test"] else ""),
        "classes": f"{len(counts)}, of {span_of(least, most, 'image')}{' each' if least == most else ''}",
        "formats": ", ".join(f"{name}: {count:,}" for name, count in found["formats"].items()),
    }
    if found["bytes"]:
        spread = found["bytes"]
        told["bytes"] = f"{spread['sum'] / 1e6:,.1f} MB; a file has {span_of(spread['least'], spread['most'], 'byte')}"
        for name in ("height", "width"):
            half = f", half of them up to {found[name]['median']}" if found[name]["least"] < found[name]["most"] else ""
            told[name] = span_of(found[name]["least"], found[name]["most"], "pixel") + half
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
