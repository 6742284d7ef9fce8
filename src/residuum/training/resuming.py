"""What may be another when a run is resumed, and what to do instead where it may not."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..data import SOURCES
from ..data.part import parse_part
from ..errors import InputError
from .settings import Settings, differing

# The machine's part. The number of workers changes no bit; that of threads may change the last ones; other images are
# refused by their names and contents (environment.py).
OF_THE_MACHINE = ("workers", "threads", "data")
LEAST = {"workers": 0, "threads": 1}


def changed(settings: Settings, asked: dict[str, Any], directory: Path) -> tuple[Settings, list[str]]:
    """Return the settings with which a run is resumed, and notes on what is another now.

    Raises InputError for a setting that decides the run's numbers and is not what the run has.
    """
    machine = {name: asked[name] for name in OF_THE_MACHINE if name in asked}
    method = {name: value for name, value in asked.items() if name not in machine}
    if differences := differing(settings, method):
        further = (
            _further(settings, asked, directory) if asked.get("epochs", settings.epochs) != settings.epochs else ""
        )
        raise InputError(
            f"a resumed run keeps its settings, but these differ: {'; '.join(differences)}. "
            f"Leave them out, or start another run with --output{further}"
        )
    for name, least in LEAST.items():
        if machine.get(name, least) < least:
            raise InputError(f"{name} must be at least {least}, got {machine[name]}")
    before = asdict(settings)
    notes = [f"{name} was {before[name]}, is {now}" for name, now in machine.items() if now != before[name]]
    return replace(settings, **machine), notes


def check_place(data: str, directory: Path) -> None:
    """Raise InputError where the folder of a run's images is not there, with how to name another place."""
    source = str(part.source) if (part := parse_part(data)) is not None else data
    if source in SOURCES or Path(source).exists():
        return
    above = [folder / source for folder in directory.resolve().parents] if not Path(source).is_absolute() else []
    found = next((shlex.quote(str(place)) for place in above if place.is_dir()), "FOLDER")
    relative = " (the run was begun in another folder)" if above else ""
    raise InputError(
        f"no data set or folder is named {data!r} here{relative}; say where the images of {directory} are: "
        f"residuum train --resume {shlex.quote(str(directory))} --data {found}"
    )


def _further(settings: Settings, asked: dict[str, Any], directory: Path) -> str:
    """Offer a run that starts from the weights: the rate of every step follows from the number of epochs."""
    more = asked["epochs"] - settings.epochs
    words = ["residuum", "train", "--data", asked.get("data", settings.data)]
    words += ["--weights", str(directory / "model.safetensors")]
    words += ["--epochs", str(more if more > 0 else asked["epochs"]), "--output", f"{directory}-more"]
    return f"; the rates follow from the number of epochs, so to train further: {shlex.join(words)}"
