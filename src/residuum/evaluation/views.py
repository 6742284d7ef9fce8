"""Views of an image in evaluation: once, mirrored, as ten crops, or at several scales.

A view is a table row: a function from one image to the images that the network sees, whose class probabilities are
then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from residuum_runtime.pictures import RESIZED_PIXELS

from ..compat import import_torchvision
from ..data.pixels import reflected
from ..data.streaming import CutToMiddle, fitting, fitting_shorter
from ..errors import InputError, pick

HE_SCALES = (224, 256, 384, 480, 640)  # shorter sides, pixels, of networks trained on 224 (He15 section 3.4)
MARGIN = 8  # an image without room for crops is padded by its side / 8: the 4 of 32 that training shifts it by


@dataclass(frozen=True)
class Frame:
    """The input that a network expects, and the scales of its views."""

    size: tuple[int, int]  # height, width, pixels
    resize: int  # shorter side before the crop, pixels; 0: images are stretched to size
    scales: tuple[int, ...]  # shorter sides, pixels
    interpolation: str = "bilinear"


class View(NamedTuple):
    """A row of the table."""

    what: str  # human-readable
    cut: Callable[[Tensor, Frame], list[Tensor]]  # uint8 [C, H, W] to its views, always the same number
    dense: bool = False  # the head acts at every place of the map instead of once
    weights: tuple[float, ...] | None = None  # of the views in the mean; None: equal


def make_frame(
    size: tuple[int, int], resize: int, scales: Sequence[int] = (), interpolation: str = "bilinear"
) -> Frame:
    """Return the frame; scales default to He15's, in proportion for a network that expects other than 224 pixels.

    Raises:
        InputError: a scale below 1.
    """
    if wrong := [scale for scale in scales if scale < 1]:
        raise InputError(f"scales are shorter sides in pixels, at least 1, got {wrong[0]}; omit them for He15's")
    usual = tuple(round(scale * min(size) / HE_SCALES[0]) for scale in HE_SCALES)
    return Frame(size, resize, tuple(scales) or usual, interpolation)


def centre(picture: Tensor, frame: Frame) -> list[Tensor]:
    """Return the image as validation in training sees it: resized, and cropped to its middle."""
    return [fitting(frame.size, frame.resize, frame.interpolation)(picture)]


def flip(picture: Tensor, frame: Frame) -> list[Tensor]:
    """Return the middle and its mirror image (left and right change places)."""
    (middle,) = centre(picture, frame)
    return [middle, middle.flip(-1)]


def ten_crop(picture: Tensor, frame: Frame) -> list[Tensor]:
    """Return the four corners and the middle, and the five of the mirror image (Krizhevsky et al. 2012, section 4.1).

    An image that is not larger than the crop has no corners: it is padded with zeros by an eighth of its side first,
    so that the crops are the shifts that training on small images makes (He15 section 4.2).
    """
    v2 = _transforms()
    height, width = frame.size
    if frame.resize >= max(frame.size):
        room = fitting_shorter(frame.resize, frame.interpolation)(not_too_long(picture, frame.resize))
    else:
        down, right = max(1, height // MARGIN), max(1, width // MARGIN)
        room = F.pad(fitting(frame.size, 0, frame.interpolation)(picture), (right, right, down, down))
    return list(v2.functional.ten_crop(room, [height, width]))


def shifts(picture: Tensor, frame: Frame) -> list[Tensor]:
    """Return the middle, and the middle shifted a pixel up and left and a pixel down and right, each with its mirror.

    The mirrored image fills the border. Source: the evaluation of airbench94 (Jordan 2024,
    arXiv:2404.00498, section 3.5), whose unshifted pair weighs as much as the four others.
    """
    (middle,) = centre(picture, frame)
    height, width = middle.shape[-2:]
    room = reflected(middle[None], 1)[0]
    shown = [middle, room[:, 2:, 2:], room[:, :height, :width]]
    return [side for one in shown for side in (one, one.flip(-1))]


def not_too_long(image: Tensor, scale: int) -> Tensor:
    """Return the image, or its middle where a resize of the shorter side to ``scale`` would take too much memory."""
    side = RESIZED_PIXELS // (2 * scale)
    return CutToMiddle((side, side), scale)(image)


def multi_scale(picture: Tensor, frame: Frame) -> list[Tensor]:
    """Return the whole image with its shorter side at each scale, and the mirror images."""
    resized = [fitting_shorter(scale, frame.interpolation)(not_too_long(picture, scale)) for scale in frame.scales]
    return [*resized, *(one.flip(-1) for one in resized)]


VIEWS = {
    "centre": View("the middle of each image", centre),
    "flip": View("the middle and its mirror image", flip),
    "ten-crop": View("corners and middle, and their mirror images (Krizhevsky 2012)", ten_crop),
    "shifts": View("the middle, shifted by a pixel each way, and their mirror images (Jordan 2024)", shifts,
                   weights=(0.25, 0.25, 0.125, 0.125, 0.125, 0.125)),
    "multi-scale": View("whole images at several scales, and mirrored, fully convolutional (He15 3.4)",
                        multi_scale, dense=True),
}  # fmt: skip


def pick_view(name: str) -> View:
    """Return the row of that name."""
    return pick(VIEWS, name, "views")


def _transforms() -> Any:
    import_torchvision()
    from torchvision.transforms import v2

    return v2
