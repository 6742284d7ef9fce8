"""What may be another when a run is resumed, and what to do instead where it may not."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from pathlib import Path

from ..errors import InputError
from .file import differing
from .reading import Asked
from .table import SETTINGS, Settings


def changed(settings: Settings, asked: Asked, directory: Path) -> tuple[Settings, list[str]]:
    """Return the settings with which a run is resumed, and notes on what is another now.

    Some settings may move (``Setting.moves``): the number of workers changes no bit; that of threads may change the
    last ones; other images are refused by their names and contents (machine/environment.py). Raises InputError for
    any other setting that is not what the run has.
    """
    machine = {name: asked[name] for name, declared in SETTINGS.items() if declared.moves and name in asked}
    method = {name: value for name, value in asked.items() if name not in machine}
    if differences := differing(settings, method):
        further = (
            _further(settings, asked, directory) if asked.get("epochs", settings.epochs) != settings.epochs else ""
        )
        raise InputError(
            f"a resumed run keeps its settings, but these differ: {'; '.join(differences)}. "
            f"Leave them out, or start another run with --output{further}"
        )
    before = asdict(settings)
    notes = [f"{name} was {before[name]}, is {now}" for name, now in machine.items() if now != before[name]]
    return replace(settings, **machine), notes  # pyright: ignore[reportArgumentType]


def check_place(data: str, directory: Path) -> None:
    """Raise InputError where the folder of a run's images is not there, with how to name another place."""
    from ..data import SOURCES
    from ..data.part import parse_part

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


def _further(settings: Settings, asked: Asked, directory: Path) -> str:
    """Offer a run that starts from the weights: the rate of every step follows from the number of epochs."""
    epochs = asked["epochs"]
    assert isinstance(epochs, int)
    more = epochs - settings.epochs
    words = ["residuum", "train", "--data", str(asked.get("data", settings.data))]
    words += ["--weights", str(directory / "model.safetensors")]
    words += ["--epochs", str(more if more > 0 else epochs), "--output", f"{directory}-more"]
    return f"; the rates follow from the number of epochs, so to train further: {shlex.join(words)}"
