"""``residuum convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    weights: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="a weights file of any source, a run folder, torchvision:NAME, timm:NAME, or hf://OWNER/NAME",
        ),
    ],
    to: Annotated[
        str, typer.Option(help="torchvision, timm, transformers (or huggingface), or safetensors (self-describing)")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help=".safetensors, .pth, .pt or .bin; for huggingface also a folder")
    ],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    preprocessing: Annotated[
        str,
        typer.Option(
            help="override the file's preprocessing: size=224,resize=256,mean=0.485:0.456:0.406,std=0.5,"
            "interpolation=bicubic (no resize: stretched)"
        ),
    ] = "",
) -> None:
    """Write weights under the names of another library; every number keeps its exact bits.

    residuum convert checkpoint.pth --to safetensors --output resnet50.safetensors

    residuum convert runs/PHOTOS-1 --to torchvision --output resnet50.pth

    residuum convert resnet50.safetensors --to huggingface --output resnet50/

    residuum convert net.pth --to safetensors -o net.safetensors --preprocessing size=64,mean=0.5,std=0.5
    """
    from ..errors import InputError
    from ..weights import convert as write
    from ..weights.reading import find_file
    from .opening import is_published
    from .preparing import read_preprocessing

    if not is_published(weights) and output.exists() and find_file(weights).samefile(output):
        raise InputError(f"the output must differ from the input {output}; give another --output")
    given = read_preprocessing(preprocessing) if preprocessing else None
    typer.echo(f"wrote {write(weights, to, output, given, entry=entry)}")
