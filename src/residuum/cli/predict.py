"""``residuum predict``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import MaxPixels


def predict(
    model: Annotated[
        str, typer.Argument(help="a weights file, a run or export folder, torchvision:, timm: or hf:// NAME")
    ],
    images: Annotated[list[str], typer.Argument(help="images of any common kind, folders of them, or patterns")],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    engine: Annotated[
        str, typer.Option(help="engine of an export: auto (measured once), openvino, onnxruntime or torch")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="threads of an export's engine")] = None,
    top: Annotated[int, typer.Option(min=1, help="number of classes to print")] = 5,
    max_pixels: MaxPixels = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Classify images.

    Prints each prediction at once, and unreadable images on standard error. Exit code 1: some images could
    not be read; 2: none could.

    residuum predict runs/digits-1 seven.png

    residuum predict model.safetensors *.jpg --json

    residuum predict runs/PHOTOS-1 PHOTOS     (all images below the folder)

    residuum predict exported/ photo.jpg      (an export; loads no torch)
    """
    from residuum_runtime.sessions import is_exported
    from residuum_runtime.showing import COLUMNS, show_answers

    from .tables import RowTable

    if is_exported(model):
        from residuum_runtime import Engine

        running = Engine(model, engine=engine, threads=threads)
        typer.echo(f"engine: {running}", err=True)
        answers = running.predict_each(images, top=top, max_pixels=max_pixels)
    else:
        from ..evaluation import predict_each
        from ..weights.pretrained import with_entry
        from .opening import open_model

        answers = predict_each(open_model(with_entry(model, entry)), images, top=top, max_pixels=max_pixels)
    if code := show_answers(answers, None if json else RowTable(COLUMNS, numbers=["%"]).add):
        raise typer.Exit(code)
