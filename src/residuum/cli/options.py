"""Flags shared by several verbs."""

from __future__ import annotations

from typing import Annotated

import typer

# The default is written as text here: the constant's module imports Pillow, which no --help loads.
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", min=1, help="largest image, pixels [default: 178,956,970]")
]
