"""``residuum saliency``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import MaxPixels

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from ..analysis.saliency import Seen

METHODS = ("grad-cam", "integrated-gradients")


def saliency(
    model: Annotated[str, typer.Argument(help="a weights file, a run folder, torchvision:, timm: or hf:// NAME")],
    image: Annotated[Path, typer.Argument(help="an image of any common kind")],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the images")],
    entry: Annotated[str, typer.Option(help="which entry or network of a checkpoint, such as teacher")] = "",
    target: Annotated[str | None, typer.Option(help="a class, by name or number [default: the likeliest]")] = None,
    method: Annotated[str, typer.Option(help=f"{' or '.join(METHODS)}")] = METHODS[0],
    stage: Annotated[int | None, typer.Option(help="only this stage for grad-cam; 0 is the first, -1 the last")] = None,
    max_pixels: MaxPixels = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show which parts of an image support a class.

    Grad-CAM highlights the regions whose features raise the class's logit, one image per stage of the network.
    Integrated gradients shows how much each pixel adds to the logit: blue supports the class, red opposes it.

    residuum saliency runs/digits-1 seven.png -o images

    residuum saliency resnet50.safetensors cat.jpg --target "tabby cat" --stage -1 -o images

    residuum saliency resnet56.th frog.png --method integrated-gradients -o images
    """
    from ..analysis.overlays import plain_picture, png_bytes
    from ..analysis.saliency import look, pick_class
    from ..errors import InputError
    from ..files import write_bytes
    from ..weights.pretrained import with_entry
    from .opening import open_model
    from .tables import show_json

    if method not in METHODS:
        raise InputError(f"method must be {' or '.join(METHODS)}, got {method!r}")
    network = open_model(with_entry(model, entry))
    seen = look(network, image, max_pixels)
    number, name, probability = pick_class(network, target, seen.image)
    if method == "grad-cam":
        pictures, notes = _stages(network, seen, number, stage), {}
    else:
        pictures, notes = _pixels(network, seen, number, stage)
    pictures = {"seen": plain_picture(seen.pixels), **pictures}
    paths = [output / f"{image.stem}-{part}.png" for part in pictures]
    for path, picture in zip(paths, pictures.values(), strict=True):
        write_bytes(path, png_bytes(picture))
    if json:
        found = {"picture": str(image), "class": name, "number": number, "probability": probability}
        show_json({**found, "method": method, **notes, "files": [str(path) for path in paths]})
        return
    typer.echo(f"{name}: {100 * probability:.1f} %")
    if notes:
        typer.echo(f"pixels add {notes['added']:.3f} to the logit; from black to the image it changes by "
                   f"{notes['difference']:.3f}")  # fmt: skip
    for path in paths:
        typer.echo(f"see {path}")


def _stages(network: nn.Module, seen: Seen, target: int, stage: int | None) -> dict[str, np.ndarray]:
    from ..analysis.overlays import heat_overlay
    from ..analysis.saliency import grad_cam, stage_names
    from ..errors import InputError

    names = stage_names(network)
    if stage is not None and not -len(names) <= stage < len(names):
        raise InputError(f"this network has stages 0 to {len(names) - 1} (or -1 to -{len(names)}), got {stage}")
    chosen = names if stage is None else [names[stage]]
    return {
        f"grad-cam-{name.replace('s.', '')}": heat_overlay(seen.pixels, grad_cam(network, seen.image, target, name))
        for name in chosen
    }


def _pixels(
    network: nn.Module, seen: Seen, target: int, stage: int | None
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    from ..analysis.overlays import signed_overlay
    from ..analysis.saliency import integrated_gradients
    from ..errors import InputError

    if stage is not None:
        raise InputError("integrated gradients explain pixels, not a stage; leave --stage out")
    found = integrated_gradients(network, seen.image, target, seen.black)
    picture = signed_overlay(seen.pixels, found.values.sum(0))
    return {"integrated-gradients": picture}, {"added": found.added, "difference": found.difference}
