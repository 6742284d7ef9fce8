"""From timm's ``config.json`` to a preprocessing, as timm's own evaluation computes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..models import Preprocessing
from ..models.description import INTERPOLATIONS
from .processors import numbers
from .sources import IMAGENET_MEAN, IMAGENET_STD

# Arguments of create_model that shapes show, or that do not change the mathematics of evaluation.
HARMLESS_ARGUMENTS = ("num_classes", "in_chans", "img_size", "drop_rate", "drop_path_rate", "drop_block_rate")
POOLS = ("avg", "token")  # of the convolutional networks and vision transformers built here


def pretrained_cfg(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return timm's configuration of the weights: an entry of the file, or the file itself in the first format.

    A network built for another size (``model_args`` with ``img_size``) gets that size.
    """
    nested = config.get("pretrained_cfg")
    found = (
        nested if isinstance(nested, dict) else dict(config) if {"architecture", "input_size"} <= set(config) else {}
    )
    given = config.get("model_args")
    sides = given.get("img_size") if isinstance(given, dict) else None
    shape = found.get("input_size")
    if sides and isinstance(shape, list | tuple):
        return {**found, "input_size": [*shape[:1], *(sides if isinstance(sides, list | tuple) else [sides, sides])]}
    return found


def refuse_arguments(config: Mapping[str, Any]) -> None:
    """Refuse ``model_args`` that build another network than the architecture's name implies.

    Raises:
        InputError: names the first such argument.
    """
    given = config.get("model_args") or {}
    if not isinstance(given, dict):
        raise InputError(f'"model_args" must be arguments by name, got {given!r}')
    arguments = {key: value for key, value in given.items() if value is not None}
    pool = arguments.pop("global_pool", config.get("global_pool") if "architecture" in config else None)
    if pool not in (None, *POOLS):
        raise InputError(f'"global_pool" must be {" or ".join(POOLS)}, got {pool!r}')
    if wrong := [key for key in arguments if key not in HARMLESS_ARGUMENTS]:
        raise InputError(f'"model_args" must hold {", ".join(HARMLESS_ARGUMENTS)} only, got {wrong[0]}')


def timm_preprocessing(cfg: Mapping[str, Any]) -> Preprocessing | None:
    """Return the preprocessing of a ``pretrained_cfg``: the shorter side is size / crop_pct before the crop.

    Source: ``transforms_imagenet_eval`` of timm 1.0.

    Raises:
        InputError: a key that changes the pixels in a way that a ``Preprocessing`` cannot express.
    """
    if not cfg.get("input_size"):
        return None
    size = cfg["input_size"]
    if not isinstance(size, list | tuple) or len(size) != 3 or any(type(side) is not int or side < 1 for side in size):
        raise InputError(f'"input_size" must be channels, height and width, got {size!r}')
    channels, height, width = size
    interpolation = cfg.get("interpolation") or "bicubic"
    if interpolation not in INTERPOLATIONS:
        raise InputError(f'"interpolation" must be one of {", ".join(INTERPOLATIONS)}, got {interpolation!r}')
    if cfg.get("crop_border_pixels"):
        raise InputError(f'"crop_border_pixels" must be absent or 0, got {cfg["crop_border_pixels"]!r}')
    mean, std = numbers("mean", cfg.get("mean") or IMAGENET_MEAN), numbers("std", cfg.get("std") or IMAGENET_STD)
    if {len(mean), len(std)} != {channels}:
        raise InputError(f'"mean" and "std" must have {channels} numbers, got {len(mean)} and {len(std)}')
    return Preprocessing((height, width), mean, std, _resize(cfg, height, width), interpolation)


def _resize(cfg: Mapping[str, Any], height: int, width: int) -> int:
    """Return the shorter side before the crop; 0: stretched."""
    ratio, mode = cfg.get("crop_pct") or 0.875, cfg.get("crop_mode") or "center"
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise InputError(f'"crop_pct" must be above 0 and at most 1, got {ratio!r}')
    if mode == "squash" and ratio == 1:
        return 0
    if mode != "center":
        raise InputError(f'"crop_mode" must be center, or squash of crop_pct 1, got {mode!r} of crop_pct {ratio:g}')
    if height != width:
        raise InputError(f'"input_size" must be square for a centre crop, got {height} x {width}')
    return int(height / ratio)
