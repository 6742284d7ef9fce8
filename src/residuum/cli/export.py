"""``residuum export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from residuum_runtime.card import Card


def export(
    model: Annotated[str, typer.Argument(help="a weights file, a run folder, torchvision:, timm: or hf:// NAME")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the output folder; written completely or not at all")],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    to: Annotated[str, typer.Option(help="openvino, onnx or torch")] = "openvino",
    precision: Annotated[
        str, typer.Option(help="auto (bf16 if it is faster on this machine), fp32, bf16, fp16 or int8")
    ] = "auto",
    data: Annotated[
        str | None, typer.Option(help="digits, cifar10, fashion_mnist, or a folder: for int8, and to measure accuracy")
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="include preprocessing: uint8 images of any size in, probabilities out")
    ] = False,
    drop: Annotated[float, typer.Option(min=0, help="largest loss of accuracy, in points")] = 0.5,
    pictures: Annotated[int, typer.Option(min=1, help="number of held-out images to measure accuracy on")] = 1000,
    opset: Annotated[
        int, typer.Option(help="ONNX operator version, 13 to 20; 0: the lowest that the network allows")
    ] = 0,
    fp16: Annotated[bool, typer.Option("--fp16", help="the same as --precision fp16 (ONNX)")] = False,
    fixed: Annotated[
        bool, typer.Option("--fixed", help="fixed shapes: images of the network's size, batches of --batch-size or 1")
    ] = False,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", help="fixed batch size; 0: any")] = 0,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Write a model for an inference engine, and verify that the file computes the same as the model.

    A fresh process loads the file and compares it with the model on real images and edge cases; a file that
    differs is not written (exit code 3).

    residuum export runs/digits-1 --output digits-openvino

    residuum export resnet20.th --precision int8 --data cifar10 -o resnet20-int8

    residuum export torchvision:resnet50 --to onnx --pixels -o resnet50-onnx

    residuum export torchvision:resnet50 --to onnx --opset 17 --fp16 --fixed -o resnet50-fp16
    """
    from dataclasses import asdict

    from ..deploy.exporting import export as write
    from ..deploy.form import Form
    from ..errors import InputError
    from ..weights.pretrained import with_entry
    from .opening import open_model
    from .tables import show_json, show_table

    if fp16 and precision not in ("auto", "fp16"):
        raise InputError(f"--fp16 means --precision fp16, got --precision {precision} too; leave one out")
    done = write(
        open_model(with_entry(model, entry)),
        output,
        to=to,
        precision="fp16" if fp16 else precision,
        data=data,
        drop=drop,
        pictures=pictures,
        form=Form(pixels, opset, fixed, batch_size),
    )
    if json:
        show_json(
            {"folder": str(done.folder), "file": str(done.file), "precision_because": done.why, **asdict(done.card)}
        )
        return
    typer.echo(f"{done.card.model} as {done.card.target}, {done.card.precision} ({done.why})")
    if "opset" in done.card.made:
        typer.echo(f"opset {done.card.made['opset']}, IR {done.card.made['ir']}; input {_shape(done.card)}")
    if done.card.kept:
        typer.echo(f"kept in higher precision: {', '.join(done.card.kept)}")
    columns = ["engine", "largest difference", "mean", "same class %", "accuracy %", "reference %", "passed"]
    rows = []
    for engine, found in done.card.measured.items():
        if "largest" not in found:
            rows.append((engine, "", "", "", "", "", f"no: {found['why']}"))
            continue
        accuracy = found.get("accuracy")
        percents = [f"{accuracy[name]['percent']:.2f}" for name in ("exported", "reference")] if accuracy else ["", ""]
        numbers = (f"{found['largest']:.2g}", f"{found['mean']:.2g}", f"{100 * found['agreement']:.1f}")
        rows.append((engine, *numbers, *percents, "yes"))
    show_table(columns, rows, numbers=columns[1:-1])
    typer.echo(f"\nwrote {done.file}; try: residuum predict {done.folder} IMAGE")


def _shape(card: Card) -> str:
    """Return the shape of the input, its free axes by name."""
    free = card.pixels or not card.fixed
    height, width = ("height", "width") if free else card.size
    name = "pictures" if card.pixels else "images"
    return f"{name} [{card.batch or 'batch'}, {card.channels}, {height}, {width}]"
