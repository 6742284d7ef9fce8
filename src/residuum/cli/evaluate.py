"""``residuum evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer


def evaluate(
    model: Annotated[
        str, typer.Argument(help="a weights file, a run's or an export's folder, torchvision:, timm: or hf:// NAME")
    ],
    data: Annotated[str, typer.Option(help="digits, cifar10, fashion_mnist, or a folder of pictures")],
    split: Annotated[str, typer.Option(help="val or train")] = "val",
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", help="pictures at a time")] = 256,
    engine: Annotated[
        str, typer.Option(help="of an export: auto (measured once), openvino, onnxruntime or torch")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="of an export's engine")] = None,
    workers: Annotated[int, typer.Option("--workers", "-j", help="processes that decode pictures")] = 2,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure a model on a data set.

    residuum evaluate runs/digits-1 --data digits

    residuum evaluate resnet20.th --data cifar10 --json
    """
    from residuum_runtime.sessions import is_exported

    from ..data import open_data
    from ..evaluation import evaluate as measure
    from .opening import open_model
    from .tables import show_json, show_table

    dataset = open_data(data)
    if is_exported(model):
        from ..deploy import Engine
        from ..deploy import evaluate as measure_export

        running = Engine(model, engine=engine, threads=threads)
        typer.echo(f"engine: {running}", err=True)
        scores = measure_export(running, dataset, split=split, batch_size=batch_size, workers=workers)
    else:
        scores = measure(open_model(model), dataset, split=split, batch_size=batch_size, workers=workers)
    per_class = dict(zip(dataset.classes, scores.per_class.tolist(), strict=False))
    if json:
        figures = {"pictures": len(scores), "top1": scores.top1, "top5": scores.top5, "loss": scores.loss}
        known = {name: value if value == value else None for name, value in per_class.items()}
        show_json({"model": model, "data": data, "split": split, **figures, "per_class": known})
        return
    for note in dataset.notes[:12]:
        typer.echo(f"note: {note}", err=True)
    typer.echo(
        f"{len(scores):,} pictures of {dataset.name} ({split}: {dataset.val_is if split == 'val' else 'training'})"
    )
    typer.echo(f"Acc@1 {scores.top1:.2f} %   Acc@5 {scores.top5:.2f} %   loss {scores.loss:.4f}\n")
    show_table(["class", "Acc@1 %"], [(name, f"{value:.1f}") for name, value in per_class.items()], numbers=["Acc@1 %"])
