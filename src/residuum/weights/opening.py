"""Decide whether a word names weights or a model, and suggest what to type where it names neither."""

from __future__ import annotations

import re
from pathlib import Path

from ..models import BUILDERS, VARIANTS
from ..models.elsewhere import canonical, published, weights_of
from .pretrained import ENTRY, FETCHERS

# torchvision's names of weights: IMAGENET1K_V2, DEFAULT, ResNet50_Weights.IMAGENET1K_V2, as text or as its own value.
OF_TORCHVISION = re.compile(r"(?:(\w+)_Weights\.)?(DEFAULT|(?:IMAGENET1K|IMAGENET12K)\w*)")


def is_published(name: str) -> bool:
    """Return whether the name refers to published weights, not to a file.

    >>> is_published("timm:resnet50"), is_published("resnet50")
    (True, False)
    """
    return name.startswith(tuple(FETCHERS))


def names_weights(name: str) -> bool:
    """Return whether a word names weights (a file, a folder, published weights) rather than a model.

    >>> names_weights("runs/mine"), names_weights("best.pth"), names_weights("resnet50")
    (True, True, False)
    """
    path = Path(name)
    like_source = re.match(r"\w{2,}:", name) is not None  # one letter is a drive
    return ENTRY in name or path.exists() or like_source or bool(path.suffix) or len(path.parts) > 1


def meant_weights(name: str, model: str = "") -> str:
    """Return what to type for a word that names no file but is known elsewhere, or an empty string.

    Args:
        name: as the user gave it.
        model: whose weights are asked for, where that is known.
    """
    known = [*VARIANTS, *BUILDERS]
    if found := OF_TORCHVISION.fullmatch(name):
        own = model or canonical(found[1] or "", known)
        entry = "" if found[2] == "DEFAULT" else f".{found[2]}"
        return f"torchvision's weights are named torchvision:{own or 'NAME'}{entry}"
    folder = Path(name).parent
    is_path = folder != Path() and folder.is_dir()
    if not is_path and (source := published(name, known)):
        return f"published weights are named {source}"
    if not names_weights(name) and (own := canonical(name, known)):
        return (
            f"{own} names a model without weights: say {weights_of(own).removeprefix('weights=')}; "
            f"residuum.create_model({own!r}) gives new ones"
        )
    return ""
