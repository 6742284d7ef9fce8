"""``residuum inspect``."""

from __future__ import annotations

from typing import Annotated

import typer


def inspect(
    model: Annotated[str, typer.Argument(help="a model's name, a weights file, or a run's folder")],
    size: Annotated[int | None, typer.Option("--image-size", "--img-size", help="side of the pictures, pixels")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show a model part by part, with shapes, parameters and costs.

    residuum inspect resnet50

    residuum inspect runs/digits-1
    """
    from dataclasses import asdict
    from pathlib import Path

    import torch

    from ..models import BUILDERS, VARIANTS, create_model, describe
    from ..models.outline import outline
    from .opening import open_model
    from .tables import show_json, show_table

    if Path(model).exists() or model not in {*VARIANTS, *BUILDERS}:
        if not Path(model).exists():
            create_model(model)  # tells which names there are
        network = open_model(model)
    else:
        with torch.device("meta"):
            network = create_model(model)
    description = describe(network)
    if (preprocessing := description.preprocessing) is not None and size is None:
        height, width = preprocessing.size
    else:
        height = width = size or (VARIANTS[description.model].image_size if description.model in VARIANTS else 224)
    row = VARIANTS.get(description.model)
    is_text = row is not None and not row.image_size
    channels = description.arguments.get("in_chans", 3)
    parts = outline(network, row.input_shape if row is not None and is_text else (channels, height, width))
    if json:
        show_json(
            {
                "description": asdict(description),
                "image_size": [height, width],
                "parts": [part._asdict() for part in parts],
            }
        )
        return
    typer.echo(f"{description.model} {description.arguments or ''} at {height}x{width}")
    for name, value in (
        ("classes", ", ".join(description.classes[:12])),
        ("made", description.provenance),
        ("licence", description.licence),
    ):
        if value:
            typer.echo(f"{name}: {value}")
    rows = [(p.name, p.what, "x".join(map(str, p.shape)), f"{p.parameters:,}", f"{p.macs / 1e6:,.2f}") for p in parts]
    columns = ["part", "what", "output", "parameters", "million MACs"]
    show_table(columns, rows, numbers=columns[3:])
