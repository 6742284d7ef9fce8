"""``residuum pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pull(
    source: Annotated[str, typer.Argument(help="hf://OWNER/NAME, or hf://OWNER/NAME@REVISION")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder to copy the files to [default: the hub's cache]")
    ] = None,
) -> None:
    """Fetch weights from the Hugging Face hub and print their path; offline, use the cached files.

    residuum pull hf://me/my-photos

    residuum predict hf://me/my-photos IMAGE     (fetches automatically)
    """
    from ..errors import InputError
    from ..files import write_bytes
    from ..weights import pull as fetch
    from ..weights.pretrained import BESIDE

    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"the output must be a new or empty folder, but {output} is in use; choose another")
    weights = fetch(source)
    if output is not None:  # with the files beside the weights, which hold classes and preprocessing
        for file in (weights, *(weights.with_name(name) for name in BESIDE)):
            if file.is_file():
                write_bytes(output / file.name, file.read_bytes())
        weights = output / weights.name
    typer.echo(weights)
