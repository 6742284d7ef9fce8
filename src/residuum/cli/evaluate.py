"""``residuum evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import MaxPixels


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="weights files, run or export folders, torchvision:, timm: or hf:// NAME"
        ),
    ],
    data: Annotated[str, typer.Option(help="digits, cifar10, fashion_mnist, or a folder of images")],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    split: Annotated[
        str,
        typer.Option(
            help="train, val, test or all [default: val; of a folder without train/ and val/ that "
            "the model was not trained on: all]"
        ),
    ] = "",
    match: Annotated[
        str, typer.Option(help="match classes by name, or by order where the data set names them differently")
    ] = "name",
    views: Annotated[str, typer.Option(help="centre, flip, ten-crop or multi-scale")] = "centre",
    scales: Annotated[
        str, typer.Option(help="shorter sides for multi-scale, pixels, such as 224,256,384 [default: as in He15]")
    ] = "",
    calibration: Annotated[
        bool, typer.Option("--calibration", help="fit a temperature on one half of the images, measure on the other")
    ] = False,
    bins: Annotated[int, typer.Option(help="number of equally wide confidence bins for the calibration error")] = 15,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="folder for the report and its figures")] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", help="images per batch")] = 256,
    workers: Annotated[int, typer.Option("--workers", "-j", help="number of processes that decode images")] = 2,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
    precision: Annotated[
        str, typer.Option(help="fp32, or bf16: faster, may change the class of a few images in a thousand")
    ] = "fp32",
    seed: Annotated[int, typer.Option(help="random seed of the intervals and of the calibration halves")] = 0,
    max_pixels: MaxPixels = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure a model on a data set, or several models averaged.

    residuum evaluate runs/digits-1 --data digits

    residuum evaluate resnet20.th --data cifar10 --views flip --calibration

    residuum evaluate resnet20.th resnet56.th --data cifar10 --json      (an ensemble)

    residuum evaluate torchvision:resnet50 --data PHOTOS --views multi-scale --scales 224,256,384,480,640

    residuum evaluate runs/PHOTOS-1 --data HELDOUT                       (CLASS/*.jpg: every image counts)

    residuum evaluate runs/PHOTOS-1 --data PHOTOS --output evaluation    (a page with the worst mistakes)
    """
    from ..weights.pretrained import with_entry
    from .evaluating import Question, as_json, ask, read_scales, show
    from .evaluation_page import write_page
    from .tables import show_json

    named = tuple(with_entry(model, entry) for model in models)
    question = Question(named, data, split, views, read_scales(scales, views), bins, seed, precision, match, max_pixels)
    answer = ask(question, batch_size, workers, device, calibration or output is not None)
    if output is not None:
        write_page(answer, output)
    if json:
        show_json(as_json(answer))
        return
    show(answer)
    if output is not None:
        typer.echo(f"\nsee {output / 'report.html'}")
