"""``residuum predict``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer


def predict(
    model: Annotated[
        str, typer.Argument(help="a weights file, a run's or an export's folder, torchvision:, timm: or hf:// NAME")
    ],
    images: Annotated[list[str], typer.Argument(help="pictures of any common kind")],
    engine: Annotated[
        str, typer.Option(help="of an export: auto (measured once), openvino, onnxruntime or torch")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="of an export's engine")] = None,
    top: Annotated[int, typer.Option(min=1, help="how many classes")] = 5,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say what is on pictures.

    residuum predict runs/digits-1 seven.png

    residuum predict model.safetensors *.jpg --json

    residuum predict exported/ photo.jpg      (what `residuum export` wrote; loads no torch)
    """
    from residuum_runtime.sessions import is_exported

    from .tables import show_json, show_table

    if is_exported(model):
        from residuum_runtime import Engine

        running = Engine(model, engine=engine, threads=threads)
        typer.echo(f"engine: {running}", err=True)
        predictions = running.predict(images, top=top)
    else:
        from ..evaluation import predict as classify
        from .opening import open_model

        predictions = classify(open_model(model), images, top=top)
    if json:
        show_json([asdict(prediction) for prediction in predictions])
        return
    rows = [
        (prediction.name if rank == 0 else "", name, f"{100 * probability:.1f}")
        for prediction in predictions
        for rank, (name, probability) in enumerate(zip(prediction.classes, prediction.probabilities, strict=True))
    ]
    show_table(["picture", "class", "%"], rows, numbers=["%"])
