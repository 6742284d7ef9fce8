"""``residuum train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def train(
    data: Annotated[str | None, typer.Option(help="digits, cifar10, fashion_mnist, or a folder of pictures")] = None,
    model: Annotated[str | None, typer.Option(help="a name from `residuum models`, or a builder with --depth")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="a published way to train, such as he2015-cifar; flags go before it")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="print the recipe and stop")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the run's folder [default: runs/DATA-N]")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with the run in this folder")] = None,
    weights: Annotated[str | None, typer.Option(help="start from a file, torchvision:, timm: or hf:// NAME")] = None,
    epochs: Annotated[int | None, typer.Option(help="times through the training pictures")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", "-b", help="pictures a step")] = None,
    lr: Annotated[float | None, typer.Option(help="peak learning rate")] = None,
    opt: Annotated[str | None, typer.Option(help="sgd, nesterov, sgdw or adamw")] = None,
    momentum: Annotated[float | None, typer.Option(help="momentum, or AdamW's first beta")] = None,
    weight_decay: Annotated[
        float | None, typer.Option("--weight-decay", "--wd", help="of filters and matrices")
    ] = None,
    sched: Annotated[str | None, typer.Option(help="onecycle, cosine, step or constant")] = None,
    warmup_epochs: Annotated[float | None, typer.Option(help="straight rise to the peak rate")] = None,
    label_smoothing: Annotated[float | None, typer.Option("--label-smoothing", "--smoothing", help="0 to 1")] = None,
    grad_accum: Annotated[int | None, typer.Option(help="batches whose gradients make one step")] = None,
    clip_grad: Annotated[float | None, typer.Option(help="largest norm of the whole gradient; 0: any")] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="steps between checkpoints [default: at each epoch's end]")
    ] = None,
    keep: Annotated[int | None, typer.Option(help="checkpoints kept beside the best weights")] = None,
    ema: Annotated[float | None, typer.Option(help="decay of a running average of the weights, such as 0.999")] = None,
    image_size: Annotated[int | None, typer.Option("--image-size", "--img-size", help="side, pixels")] = None,
    num_classes: Annotated[int | None, typer.Option(help="logits [default: the data's classes]")] = None,
    depth: Annotated[int | None, typer.Option(help="layers, for builders such as cifar_resnet")] = None,
    shortcut: Annotated[str | None, typer.Option(help="A, B or C, for residual networks")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps")] = None,
    precision: Annotated[str | None, typer.Option(help="auto (measured), fp32 or bf16")] = None,
    kernels: Annotated[
        str | None, typer.Option(help="auto, plain (torch's own) or fused (norm, addition and activation in one)")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="of the processor")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", help="processes that decode pictures")] = None,
    seed: Annotated[int | None, typer.Option(help="decides every random draw")] = None,
    licence: Annotated[str | None, typer.Option(help="written into the weights files")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="stop at a damaged picture")] = False,
) -> None:
    """Train a network on pictures; what is left out is chosen, and said with its reason.

    residuum train --data digits

    residuum train --data PHOTOS        (PHOTOS/CLASS/*.jpg, or PHOTOS/train and PHOTOS/val)

    residuum train --data cifar10 --model cifar_resnet56 --epochs 50 -b 128 --lr 0.1 --output runs/c56

    residuum train --recipe he2015-cifar --model cifar_resnet56

    residuum train --resume runs/c56    (go on after Ctrl-C or a crash)
    """
    given: dict[str, Any] = {
        "recipe": recipe,
        "data": data,
        "model": model,
        "weights": weights,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "opt": opt,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "sched": sched,
        "warmup_epochs": warmup_epochs,
        "label_smoothing": label_smoothing,
        "grad_accum": grad_accum,
        "clip_grad": clip_grad,
        "ema": ema,
        "checkpoint_every": checkpoint_every,
        "keep": keep,
        "image_size": [image_size, image_size] if image_size else None,
        "device": device,
        "precision": precision,
        "kernels": kernels,
        "threads": threads,
        "workers": workers,
        "seed": seed,
        "licence": licence,
        "strict": strict or None,
    }
    given = {key: value for key, value in given.items() if value is not None}
    parts = {key: value for key, value in {"depth": depth, "shortcut": shortcut}.items() if value is not None}
    from .training import go_on, show_recipe, start

    if show:
        show_recipe(recipe)
    elif resume is not None:
        go_on(resume, output, given, parts, num_classes)
    else:
        start(output, given, parts, num_classes)
