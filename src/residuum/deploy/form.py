"""The form of an exported file: its inputs, their shapes, and the ONNX operator version."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import InputError, nearest
from .opset import LEAST, NEWEST


@dataclass(frozen=True)
class Form:
    """A file's inputs. By default any number of normalised images, of any size where the network allows.

    Args:
        pixels: the file resizes and normalises: uint8 images of any size in, probabilities out.
        opset: ONNX operator version, 13 to 20; 0: the lowest that the network's operators allow.
        fixed: images of the network's size only, in batches of 1 unless ``batch_size`` is given.
        batch_size: fixed number of images per batch; 0: any.

    Raises:
        InputError: a value that is not a number or lies outside these ranges; ``fixed`` together with ``pixels``.

    >>> Form(fixed=True).batch, Form().batch
    (1, 0)
    """

    pixels: bool = False
    opset: int = 0
    fixed: bool = False
    batch_size: int = 0

    def __post_init__(self) -> None:
        opset = _whole("opset", self.opset)
        if opset and not LEAST <= opset <= NEWEST:
            raise InputError(f"opset must be {LEAST} to {NEWEST}, or 0 for the lowest that the network allows, "
                             f"got {opset}")  # fmt: skip
        if _whole("batch_size", self.batch_size) < 0:
            raise InputError(f"batch_size must be 1 or more images, or 0 for any number, got {self.batch_size}")
        if self.fixed and self.pixels:
            raise InputError("pixels takes images of any size and excludes fixed; leave one out")

    @property
    def batch(self) -> int:
        """Images in each batch; 0: any number."""
        return self.batch_size or int(self.fixed)

    def but(self, **changes: Any) -> Form:
        """Return the form with some fields changed.

        Raises:
            InputError: an unknown field.
        """
        names = [field.name for field in fields(self)]
        if unknown := [name for name in changes if name not in names]:
            raise InputError(f"the form of an export has no {unknown[0]!r}; {nearest(unknown[0], names)}")
        return replace(self, **changes)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputError(f"{name} must be a whole number, got {value!r}")
    return value.__index__()  # type: ignore[attr-defined]


USUAL = Form()
