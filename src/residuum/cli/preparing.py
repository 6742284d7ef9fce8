"""``--preprocessing``: parse a preprocessing from one string."""

from __future__ import annotations

from ..errors import InputError
from ..models import Preprocessing

KEYS = ("size", "resize", "mean", "std", "interpolation")


def read_preprocessing(text: str) -> Preprocessing:
    """Return the preprocessing of ``size=224,resize=256,mean=0.5,std=0.25:0.25:0.25,interpolation=bicubic``.

    ``size`` is a side, or height and width with a colon between them; one number for ``mean`` or ``std`` applies to
    three channels. Without ``resize`` images are stretched to the size.

    Raises:
        InputError: an unknown key, no size, mean or std, or a value that is not a number.
    """
    split = [part.strip().partition("=") for part in text.split(",")]
    parts = {key: value for key, _, value in split}
    if unknown := [key for key in parts if key not in KEYS]:
        raise InputError(f"--preprocessing takes {', '.join(KEYS)}, got {unknown[0]!r}")
    if lacking := [key for key in ("size", "mean", "std") if not parts.get(key)]:
        raise InputError(f"--preprocessing must have size, mean and std, got no {lacking[0]}")
    try:
        sides = [int(side) for side in parts["size"].split(":")]
        resize = int(parts.get("resize") or 0)
        mean, std = (_each(parts[key]) for key in ("mean", "std"))
    except ValueError as error:
        raise InputError(f"--preprocessing must have numbers, got {text!r} ({error})") from None
    if len(sides) > 2 or min(sides) < 1 or resize < 0 or (resize and resize < max(sides)):
        raise InputError(f"--preprocessing must have a size of 1 or more and a resize of at least that, got {text!r}")
    if min(std) <= 0 or len(mean) != len(std):
        raise InputError(f"--preprocessing must have a std above 0 for each mean, got {text!r}")
    return Preprocessing((sides[0], sides[-1]), mean, std, resize, parts.get("interpolation") or "bilinear")


def _each(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split(":"))
    return values * 3 if len(values) == 1 else values
