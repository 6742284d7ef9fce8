"""``residuum inspect``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import nn

    from ..models import Description
    from ..models.outline import Part
    from ..weights import Examination

TOKENS = 128  # length of a text, unless the model's table row has another


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            help="a model name, a weights file of any source, a run folder, torchvision:NAME, timm:NAME, "
            "or hf://OWNER/NAME"
        ),
    ],
    size: Annotated[int | None, typer.Option("--image-size", "--img-size", help="side of the images, pixels")] = None,
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show a model part by part: the parts in each block's slots, shapes, parameters and costs.

    Of a file it first shows what it holds and what is odd.

    Runs no code in the file.

    residuum inspect resnet50

    residuum inspect checkpoint.pth

    residuum inspect runs/digits-1 --json
    """
    from dataclasses import asdict

    from ..errors import InputError
    from ..models import describe
    from .tables import show_json

    network, found = _open(model, entry)
    description = describe(network) if network is not None else None
    shape, parts, trouble = (), [], ""
    if network is not None and description is not None:
        shape = _input_shape(description, size)
        try:
            parts = _outline(network, shape)
        except InputError as error:
            if found is None:
                raise
            trouble = str(error)
    if json:
        told: dict[str, Any] = {"description": asdict(description) if description is not None else None}
        told |= {
            "image_size": list(shape[1:]) if len(shape) == 3 else None,
            "parts": [part._asdict() for part in parts],
        }
        show_json(told | ({"file": _figures(found)} if found is not None else {}))
        return
    if found is not None:
        _show_report(found)
    if description is not None and parts:
        _show_outline(description, shape, parts, titled=found is None)
    elif trouble:
        typer.echo(f"no outline: {trouble}")


def _open(name: str, entry: str) -> tuple[nn.Module | None, Examination | None]:
    """Return the model without its numbers, and a file's doctor report; no model where none is recognised."""
    import torch

    from ..models import attach, build
    from ..weights import examine
    from ..weights.understood import build as build_described
    from .opening import names_weights

    if not names_weights(name):
        with torch.device("meta"):
            return build(name), None  # or the error lists the names
    found = examine(name, entry=entry)
    if found.description is None:
        return None, found
    with torch.device("meta"):
        network = build_described(found.description.model, found.description.arguments)
    return attach(network.eval(), found.description), found


def _input_shape(description: Description, size: int | None) -> tuple[int, ...]:
    """Return the shape of one example: an image of the given or usual size, or a text's tokens."""
    from inspect import signature

    from ..models import BUILDERS, VARIANTS

    row = VARIANTS.get(description.model)
    builder = row.builder if row is not None else BUILDERS[description.model]
    defaults = {key: taken.default for key, taken in signature(builder).parameters.items()}
    if "vocabulary" in defaults:
        tokens = row.input_shape[0] if row is not None else TOKENS
        return (min(tokens, description.arguments.get("length", tokens)),)
    channels = description.arguments.get("in_chans", defaults.get("in_chans", 3))
    if size is None and description.preprocessing is not None:
        return channels, *description.preprocessing.size
    usual = row.image_size if row is not None else defaults.get("image_size", 224)
    side = size or description.arguments.get("image_size") or usual
    return channels, side, side


def _outline(network: nn.Module, shape: tuple[int, ...]) -> list[Part]:
    from ..errors import InputError
    from ..models.outline import outline

    try:
        return outline(network, shape)
    except RuntimeError as error:  # torch's own error on sizes that do not fit the layers
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the model must take an example of {list(shape)}, got: {reason}; give another --image-size") \
            from error  # fmt: skip


def _figures(found: Examination) -> dict[str, Any]:
    """Return the doctor's report in machine-readable form, with the description."""
    from dataclasses import asdict

    return {key: value for key, value in asdict(found).items() if key != "description"}


def _show_report(found: Examination) -> None:
    from .saying import say

    for name, value in _report(found):
        if value:
            say(value, f"{name}: ")
    for finding in found.odd or ["nothing found"]:
        say(finding, "odd: ")
    say(found.how_to_load, "load: ")
    typer.echo()


def _report(found: Examination) -> Iterator[tuple[str, str]]:
    """Yield the file's facts, one by one; empty where unknown."""
    description = found.description
    megabytes = f", {found.file_bytes / 1e6:,.1f} MB" if found.file_bytes else ""
    yield "file", f"{found.path} ({found.kind}{megabytes})"
    depth = f", depth {found.depth}" if found.depth else ""
    logits = f", {found.num_classes:,} classes" if found.num_classes else ""
    arguments = "".join(
        f", {key}={value}" for key, value in found.arguments.items() if key not in ("depth", "num_classes")
    )
    yield "model", f"{found.model}{depth}{logits}{arguments}" if found.model else "not recognised"
    kinds = ", ".join(f"{count:,} {dtype}" for dtype, count in found.dtypes.items())
    yield "tensors", f"{found.tensors:,} ({kinds}), {found.parameters:,} parameters"
    yield "names", found.source
    yield "under", f'the entry "{found.roof}"' if found.roof else ""
    yield "prefix", f'"{found.wrapper}" before every name' if found.wrapper else ""
    yield "averaged", "a copy of the weights averaged over training (EMA)" if found.averaged else ""
    yield "optimiser", f'its state, in the entry "{found.optimiser}"' if found.optimiser else ""
    yield "beside", ", ".join(found.beside)
    yield "entries", f"{', '.join(found.entries)} (choose with --entry NAME)" if found.entries else ""
    yield "left out", found.left_out
    if description is None:
        return
    yield "classes", ", ".join(description.classes[:12]) + (", ..." if len(description.classes) > 12 else "")
    if (chosen := description.preprocessing) is not None:
        resized = f"shorter side {chosen.resize}, centre crop " if chosen.resize else ""
        way = "" if chosen.interpolation == "bilinear" else f", {chosen.interpolation}"
        yield "images", f"{resized}{chosen.size[0]}x{chosen.size[1]}{way}, mean {chosen.mean}, std {chosen.std}"
    yield "measured", ", ".join(f"{key} {value:g}" for key, value in description.metrics.items())
    yield "made", description.provenance
    yield "licence", description.licence


def _show_outline(description: Description, shape: tuple[int, ...], parts: list[Part], *, titled: bool) -> None:
    from .tables import show_table

    at = "x".join(map(str, shape[1:] if len(shape) == 3 else shape))
    typer.echo(f"{description.model} {description.arguments or ''} at {at}" if titled else f"parts at {at}:")
    rows = [(p.name, p.what, "x".join(map(str, p.shape)), f"{p.parameters:,}", f"{p.macs / 1e6:,.2f}") for p in parts]
    columns = ["part", "shortcut | branch | merge | activation", "output", "parameters", "million MACs"]
    show_table(columns, rows, numbers=columns[3:])
