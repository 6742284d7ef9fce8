"""The description in an exported file: preprocessing, class names, measurements."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

KEY = "residuum"  # key of the card in every kind of file
FORMAT = 1  # increases when older versions cannot run the new files


@dataclass(frozen=True)
class Card:
    """The text inside an exported file.

    >>> from residuum_runtime import Card
    >>> card = Card("resnet18", "onnx", "fp32", channels=3, size=(224, 224), mean=(0.5,) * 3, std=(0.25,) * 3)
    >>> card.check_images((8, 3, 224, 224))
    """

    model: str
    target: str  # openvino, onnx or torch: the engine of the file
    precision: str  # fp32, bf16, fp16 or int8
    channels: int
    size: tuple[int, int]  # height and width of resized images, pixels
    mean: tuple[float, ...]  # one per channel, of values scaled to 0..1
    std: tuple[float, ...]
    resize: int = 0  # shorter side before the centre crop, pixels; 0: stretch to size
    classes: tuple[str, ...] = ()
    pixels: bool = False  # resizing and normalising are in the file: uint8 images in, probabilities out
    fixed: bool = False  # the network takes images of ``size`` only
    batch: int = 0  # the only batch size of the file; 0: any
    min_size: int = 1  # smallest image side that the network's strides allow, pixels
    kept: tuple[str, ...] = ()  # layers that quantisation left in higher precision
    measured: dict[str, Any] = field(default_factory=dict)  # the parity gate's figures, by engine
    made: dict[str, Any] = field(default_factory=dict)  # versions, provenance, licence, calibration
    format: int = FORMAT
    interpolation: str = "bilinear"  # of the resize, antialiased

    def to_text(self) -> str:
        """Return the card as JSON for the file."""
        content = dataclasses.asdict(self)
        if self.interpolation == "bilinear":  # the default; without it files keep their bytes
            del content["interpolation"]
        return json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)

    def check_images(self, shape: tuple[int, ...]) -> None:
        """Check the shape of a batch: [N, channels, H, W].

        Raises:
            InputError: other channels, a size other than the fixed one, a side below the network's strides.
        """
        if len(shape) != 4 or shape[1] != self.channels or shape[0] < 1:
            raise InputError(
                f"images must have the shape [N, {self.channels}, H, W] with N of 1 or more, got {list(shape)}"
            )
        if self.pixels:
            return
        if self.fixed and tuple(shape[2:]) != tuple(self.size):
            raise InputError(
                f"this file takes images of {self.size[0]} x {self.size[1]} pixels only, got {shape[2]} x {shape[3]}; "
                "resize them, or export a network without a fixed size"
            )
        if min(shape[2:]) < self.min_size:
            raise InputError(
                f"this network's strides need images of at least {self.min_size} x {self.min_size} pixels, "
                f"got {shape[2]} x {shape[3]}; enlarge them"
            )


def from_text(text: str | None, path: object) -> Card:
    """Return the card of a file.

    Raises:
        InputError: a file without a card, with a broken one, or of a newer version.
    """
    if not text:
        raise InputError(
            f"{path} must be a file that `residuum export` wrote, but it does not describe classes and preprocessing"
        )
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] > FORMAT:
            raise InputError(
                f"{path} must be of format {FORMAT} or older, got {content['format']}, written by Residuum "
                f"{content.get('made', {}).get('residuum')}; install a newer residuum-runtime"
            )
        known = {one.name for one in dataclasses.fields(Card)}
        values = {key: _tuple(value) for key, value in content.items() if key in known}
        return Card(**values)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} must describe itself, got a text that does not parse: {error!r}; export it again"
        ) from error


def whole_batches(images: NDArray[Any], batch: int) -> Iterator[NDArray[Any]]:
    """Yield all images in batches of that size; repeat the last image to fill the last batch."""
    for first in range(0, len(images), batch):
        part = images[first : first + batch]
        missing = batch - len(part)
        yield np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
