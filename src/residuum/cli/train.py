"""``residuum train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import MaxPixels


def train(
    data: Annotated[str | None, typer.Option(help="digits, cifar10, fashion_mnist, or a folder of images")] = None,
    model: Annotated[str | None, typer.Option(help="a name from `residuum models`, or a builder with --depth")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="a published way to train, such as he2015-cifar; flags go before it")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="print the recipe and stop")] = False,
    seeds: Annotated[int | None, typer.Option(help="run so many seeds; mean and deviation")] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="SETTING=VALUE of a second way to train, compared seed by seed")
    ] = None,
    lr_find: Annotated[bool, typer.Option("--lr-find", help="try rates, draw, suggest one, and stop")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the run's folder [default: runs/DATA-N]")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with the run in this folder")] = None,
    weights: Annotated[str | None, typer.Option(help="start from a file, torchvision:, timm: or hf:// NAME")] = None,
    entry: Annotated[str | None, typer.Option(help="which entry or network of --weights, such as teacher")] = None,
    epochs: Annotated[int | None, typer.Option(help="times through the training images")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", "-b", help="images a step")] = None,
    lr: Annotated[float | None, typer.Option(help="peak learning rate")] = None,
    opt: Annotated[str | None, typer.Option(help="sgd, nesterov, sgdw, adamw, lamb, muon or muon_sphere")] = None,
    momentum: Annotated[float | None, typer.Option(help="momentum, or AdamW's first beta")] = None,
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", "--wd", help="see --decay")] = None,
    decay: Annotated[str | None, typer.Option(help="what decays: matrices (filters too), or all parameters")] = None,
    sched: Annotated[str | None, typer.Option(help="onecycle, cosine, linear, step or constant")] = None,
    warmup_epochs: Annotated[float | None, typer.Option(help="straight rise to the peak rate")] = None,
    loss: Annotated[str | None, typer.Option(help="cross_entropy, or binary: a yes or no for each class")] = None,
    mixup: Annotated[float | None, typer.Option(help="alpha; images are laid over one another")] = None,
    cutmix: Annotated[float | None, typer.Option(help="alpha; rectangles are pasted into one another")] = None,
    auto_augment: Annotated[
        str | None, typer.Option("--auto-augment", "--aa", help="trivialaugment, randaugment or randaugment-N")
    ] = None,
    random_erasing: Annotated[
        float | None, typer.Option("--random-erasing", "--reprob", help="probability of a filled rectangle")
    ] = None,
    crop_scale: Annotated[float | None, typer.Option(help="least share of the area that a random crop keeps")] = None,
    train_size: Annotated[str | None, typer.Option(help="side, or 24x32, in training, if not --image-size")] = None,
    balanced: Annotated[bool, typer.Option("--balanced", help="draw all classes equally often")] = False,
    freeze: Annotated[int | None, typer.Option(help="so many of stem and stages keep their weights")] = None,
    backbone_lr: Annotated[float | None, typer.Option(help="share of the rate for all but the classifier")] = None,
    head_lr: Annotated[float | None, typer.Option(help="the classifier's own peak rate")] = None,
    bias_lr: Annotated[float | None, typer.Option(help="peak rate of biases and of what norms learn")] = None,
    whiten: Annotated[
        bool | None, typer.Option("--whiten/--no-whiten", help="compute the stem's filters from the images")
    ] = None,
    pad_mode: Annotated[str | None, typer.Option(help="beyond an image's border: zeros, or reflect")] = None,
    flip_mode: Annotated[str | None, typer.Option(help="random, or alternate: mirrored every second epoch")] = None,
    early_epochs: Annotated[int | None, typer.Option(help="so many first epochs at --early-size")] = None,
    early_size: Annotated[str | None, typer.Option(help="side (or 24x32) in the first epochs, pixels")] = None,
    views: Annotated[str | None, typer.Option(help="how the result's images are shown, see `evaluate`")] = None,
    validate_every: Annotated[int | None, typer.Option(help="epochs between validations")] = None,
    val_split: Annotated[
        float | None,
        typer.Option(help="share of the training images that chooses the epoch"),
    ] = None,
    choose: Annotated[str | None, typer.Option(help="the best epoch on validation, or the last")] = None,
    label_smoothing: Annotated[float | None, typer.Option("--label-smoothing", "--smoothing", help="0 to 1")] = None,
    grad_accum: Annotated[int | None, typer.Option(help="batches whose gradients make one step")] = None,
    clip_grad: Annotated[float | None, typer.Option(help="largest norm of the whole gradient; 0: any")] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="steps between checkpoints [default: at each epoch's end]")
    ] = None,
    keep: Annotated[int | None, typer.Option(help="checkpoints kept beside the best weights")] = None,
    ema: Annotated[float | None, typer.Option(help="decay of a running average of the weights, such as 0.999")] = None,
    image_size: Annotated[
        str | None, typer.Option("--image-size", "--img-size", help="side, or height and width as 24x32, pixels")
    ] = None,
    num_classes: Annotated[int | None, typer.Option(help="logits [default: the data's classes]")] = None,
    depth: Annotated[int | None, typer.Option(help="layers, for builders such as cifar_resnet")] = None,
    shortcut: Annotated[str | None, typer.Option(help="A, B or C, for residual networks")] = None,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache",
            help="decode a folder once, into a file below ~/.cache/residuum (or $RESIDUUM_CACHE) that is read from "
            "then on: docs/input.md",
        ),
    ] = False,
    cache_size: Annotated[
        int | None, typer.Option(help="shorter side kept there, pixels [default: what evaluation resizes to]")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps")] = None,
    precision: Annotated[str | None, typer.Option(help="auto (measured), fp32 or bf16")] = None,
    val_precision: Annotated[
        str | None,
        typer.Option(help="of validation: auto (training's), fp32 or bf16; a result of one view is in fp32"),
    ] = None,
    kernels: Annotated[
        str | None, typer.Option(help="auto, plain (torch's own) or fused (norm, addition and activation in one)")
    ] = None,
    winograd: Annotated[
        bool | None,
        typer.Option(
            "--winograd/--no-winograd", help="3x3 convolutions with a quarter of the products, in bf16: docs/speed.md"
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="of the processor")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", help="processes that decode images")] = None,
    processes: Annotated[int | None, typer.Option(help="train in so many processes on this machine")] = None,
    sync_bn: Annotated[bool, typer.Option("--sync-bn", help="batch norm over the images of all processes")] = False,
    seed: Annotated[int | None, typer.Option(help="decides every random draw")] = None,
    licence: Annotated[str | None, typer.Option(help="written into the weights files")] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="write events for it into the run's folder")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="stop at a damaged image")] = False,
    max_pixels: MaxPixels = None,
) -> None:
    """Train a network on images; what is left out is chosen, and said with its reason.

    residuum train --data digits

    residuum train --data PHOTOS        (PHOTOS/CLASS/*.jpg, or PHOTOS/train and PHOTOS/val)

    residuum train --data cifar10 --model cifar_resnet56 --epochs 50 -b 128 --lr 0.1 --output runs/c56

    residuum train --recipe he2015-cifar --model cifar_resnet56        (recipes: docs/recipes.md; --show prints one)

    residuum train --data digits --seeds 5 --against opt=adamw --against lr=0.001

    residuum train --data PHOTOS --weights runs/c56/model.safetensors  (fine-tuning, chosen and said)

    residuum train --data PHOTOS --cache                               (decoded once, not in each epoch)

    residuum train --data cifar10 --processes 2    (or: torchrun --nproc-per-node 2 -m residuum train --data cifar10)

    residuum train --resume runs/c56    (go on after Ctrl-C or a crash)
    """
    given: dict[str, Any] = {
        "recipe": recipe,
        "data": data,
        "model": model,
        "weights": f"{weights}::{entry}" if weights and entry else weights,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "opt": opt,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "sched": sched,
        "warmup_epochs": warmup_epochs,
        "label_smoothing": label_smoothing,
        "decay": decay,
        "loss": loss,
        "mixup": mixup,
        "cutmix": cutmix,
        "auto_augment": auto_augment,
        "random_erasing": random_erasing,
        "crop_scale": crop_scale,
        "train_size": train_size,
        "balanced": balanced or None,
        "freeze": freeze,
        "backbone_lr": backbone_lr,
        "head_lr": head_lr,
        "bias_lr": bias_lr,
        "whiten": whiten,
        "pad_mode": pad_mode,
        "flip_mode": flip_mode,
        "early_epochs": early_epochs,
        "early_size": early_size,
        "views": views,
        "validate_every": validate_every,
        "val_split": val_split,
        "choose": choose,
        "grad_accum": grad_accum,
        "clip_grad": clip_grad,
        "ema": ema,
        "checkpoint_every": checkpoint_every,
        "keep": keep,
        "image_size": image_size,
        "cache": cache_size or ("auto" if cache else None),
        "device": device,
        "precision": precision,
        "val_precision": val_precision,
        "kernels": kernels,
        "winograd": winograd,
        "threads": threads,
        "workers": workers,
        "processes": processes,
        "sync_bn": sync_bn or None,
        "seed": seed,
        "licence": licence,
        "strict": strict or None,
        "max_pixels": max_pixels,
    }
    given = {key: value for key, value in given.items() if value is not None}
    parts = {key: value for key, value in {"depth": depth, "shortcut": shortcut}.items() if value is not None}
    if "RANK" in os.environ:  # beside other processes; torch would remark in each that it looks for unused parameters
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from .training import Asked, go_on, show_recipe, start

    asked = Asked(parts, num_classes, seeds, against or [], lr_find, tensorboard)
    if show:
        show_recipe(recipe)
    elif resume is not None:
        go_on(resume, output, given, asked)
    else:
        start(output, given, asked)
