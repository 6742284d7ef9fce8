"""``residuum draw``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..models.anatomy import Anatomy


def draw(
    model: Annotated[str, typer.Argument(help="a model name, a weights file, or a run folder")],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    output: Annotated[str | None, typer.Option("--output", "-o", help="the SVG file; - prints it")] = None,
) -> None:
    """Draw a model as a block diagram: the parts in each block's slots, with shapes and counts.

    residuum draw resnet50

    residuum draw runs/digits-1 --output model.svg

    residuum draw checkpoint.pth --entry teacher
    """
    from pathlib import Path

    import torch

    from ..files import write_text
    from ..models import build
    from ..models.anatomy import anatomy
    from ..weights.pretrained import with_entry
    from .opening import names_weights, open_model

    if names_weights(model):
        network = open_model(with_entry(model, entry))
    else:
        with torch.device("meta"):
            network = build(model)  # the error lists the names
    svg = draw_anatomy(anatomy(network))
    if output == "-":
        typer.echo(svg, nl=False)
        return
    path = Path(output or f"{Path(model).stem}.svg")
    write_text(path, svg)
    typer.echo(f"see {path}")


def draw_anatomy(parts: Anatomy) -> str:
    """Return the block diagram of a network as SVG."""
    from ..report.block_drawing import Slots
    from ..report.diagram import Diagram, Panel, Section, diagram_svg

    sections = [
        Section(
            section.name,
            [Panel(p.name, [Slots(*slots) for slots in p.slots], p.repeat, p.parameters) for p in section.pieces],
            section.shape,
            section.parameters,
            section.macs,
        )
        for section in parts.sections
    ]
    return diagram_svg(Diagram(parts.name, parts.input_shape, sections, parts.parameters, parts.macs))
