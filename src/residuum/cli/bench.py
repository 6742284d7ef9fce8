"""``residuum bench``: compare speeds in one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Compare speeds in one run.", no_args_is_help=True)


@app.command("inference")
def inference(
    model: Annotated[str, typer.Argument(help="a weights file, a run folder, or a model name (resnet50: new weights)")],
    engines: Annotated[
        str, typer.Option(help="all, or a comma-separated list: openvino,onnx,torch,torch eager")
    ] = "all",
    batch: Annotated[str, typer.Option("--batch", "-b", help="comma-separated batch sizes")] = "1,16",
    threads: Annotated[int | None, typer.Option(help="threads per process [default: all]")] = None,
    data: Annotated[str | None, typer.Option(help="calibrates int8 and measures accuracy: a name or a folder")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="number of held-out images to measure accuracy on")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, help="total seconds of measuring, over all rows")] = 60,
    size: Annotated[int, typer.Option(min=1, help="image side in pixels, for a model without preprocessing")] = 224,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="folder for speed.json and speed.png")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure every way to run a network: exports of all engines and precisions, and other libraries.

    Each runs in its own process and all take turns, so that noise affects all equally: compare ratios.

    residuum bench inference resnet20.th --data cifar10 --pictures 10000 --output speed

    residuum bench inference resnet50 --engines openvino,onnx --batch 1,16 --threads 2
    """
    from .benching import run, show, write

    found = run(
        model,
        [name.strip() for name in engines.split(",")],
        batch=batch,
        threads=threads,
        data=data,
        pictures=pictures,
        seconds=seconds,
        size=size,
    )
    if output is not None:
        write(found, output)
    _tell(found, show, json, None if output is None else output / "speed.png")


@app.command("training")
def training(
    model: Annotated[str, typer.Argument(help="a model name, as in `residuum models`")] = "cifar_resnet20",
    data: Annotated[
        str | None, typer.Option(help="a data set that fits in memory: digits, cifar10, fashion_mnist")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="side of random images in pixels, without --data [32 or 224]")
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=2, help="images per step")] = 128,
    threads: Annotated[int | None, typer.Option(help="threads per loop [default: all]")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="number of turns per loop")] = 7,
    steps: Annotated[int, typer.Option(min=1, help="number of steps per turn")] = 10,
    winograd: Annotated[
        bool, typer.Option("--winograd", help="also measure Residuum with Winograd convolutions")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder for training.json and training.png")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure training speed: the ordinary loop, the best of torch's own operations, and Residuum.

    Each runs in its own process and all take turns, so that noise affects all equally: compare ratios. The
    ceiling is the speed that this machine's arithmetic and memory bandwidth allow, measured in the same run.

    residuum bench training --data cifar10

    residuum bench training resnet50 --batch-size 32 --rounds 3 --steps 2 --winograd --output speed
    """
    from residuum_runtime.machine import thread_count

    from ..bench.training_loops import Task
    from ..models import VARIANTS
    from .benching_training import run, show, write

    if size is None:
        size = VARIANTS[model].input_shape[-1] if model in VARIANTS else 32
    found = run(Task(model, data, size, batch_size, thread_count(threads), winograd), rounds, steps)
    if output is not None:
        write(found, output)
    _tell(found, show, json, None if output is None else output / "training.png")


def _tell(found: dict[str, Any], show: Callable[[dict[str, Any]], None], json: bool, picture: Path | None) -> None:
    from .tables import show_json

    if json:
        show_json(found)
        return
    show(found)
    if picture is not None:
        typer.echo(f"\nsee {picture}")
