"""``residuum push``."""

from __future__ import annotations

from typing import Annotated

import typer


def push(
    model: Annotated[str, typer.Argument(help="a weights file, or a run folder")],
    to: Annotated[str, typer.Argument(help="hf://OWNER/NAME, created if it does not exist, or a folder")],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    private: Annotated[bool, typer.Option("--private", help="create the repository as private")] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="commit message")] = "Add weights",
) -> None:
    """Share weights with their description and a model card on the Hugging Face hub.

    Log in once with `hf auth login`.

    residuum push runs/PHOTOS-1 hf://me/my-photos
    """
    from ..weights import push as share
    from ..weights.pretrained import with_entry
    from .opening import open_model

    typer.echo(f"pushed to {share(open_model(with_entry(model, entry)), to, private=private, message=message)}")
