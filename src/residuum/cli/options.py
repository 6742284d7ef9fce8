"""Flags that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

# The default stands here as text: the constant lies beside Pillow, which no --help loads.
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", min=1, help="largest image, pixels; 178,956,970 unless given")
]
