"""Small images in rows: filters, activation maxima, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .style import house_style

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

_HEIGHT = 64  # pixels; smaller images are enlarged to at least this, with hard edges


def picture_rows(
    rows: Sequence[Sequence[np.ndarray]], names: Sequence[str], *, title: str, side: float = 0.62, gap: bool = False
) -> Figure:
    """Draw rows of images, each with its name at the left.

    Args:
        rows: images uint8 [H, W, 3] or [H, W]; rows may differ in length.
        names: one per row.
        title: of the figure.
        side: of an image, inches.
        gap: leave a gap behind the first image of a row, to which the others belong.

    Raises:
        InputError: no image, or not one name per row.
    """
    if not rows or not all(len(row) for row in rows) or len(names) != len(rows):
        raise InputError(f"a grid needs images in each row and a name for it, got {len(rows)} rows, {len(names)} names")
    from matplotlib.figure import Figure as MatplotlibFigure

    strips = [_strip(row, gap) for row in rows]
    widest = max(strip.shape[1] / strip.shape[0] for strip in strips)
    left = 0.2 + 0.075 * max(map(len, names))
    width, height = max(left + widest * side + 0.1, left + 0.085 * len(title)), len(rows) * side * 1.1 + 0.4
    with house_style():
        figure = MatplotlibFigure(figsize=(width, height))
        figure.text(0.1 / width, 1 - 0.26 / height, title, size=10.5, weight="bold")
        for number, (name, strip) in enumerate(zip(names, strips, strict=True)):
            bottom = height - 0.4 - (number + 1) * side * 1.1
            figure.text(0.1 / width, (bottom + side / 2) / height, name, va="center", size=8.5)
            across = side * strip.shape[1] / strip.shape[0]
            ax = figure.add_axes((left / width, bottom / height, across / width, side / height))
            ax.imshow(strip, interpolation="nearest")
            ax.set_axis_off()
    return figure


def _strip(row: Sequence[np.ndarray], gap: bool) -> np.ndarray:
    """Return images side by side as one, RGBA: the gaps are transparent."""
    import numpy as np

    enlarged = -(-_HEIGHT // row[0].shape[0])
    tall, parts = enlarged * row[0].shape[0], []
    for number, picture in enumerate(row):
        colour = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, 2)
        solid = np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)])
        parts.append(solid.repeat(enlarged, 0).repeat(enlarged, 1))
        space = tall // 2 if gap and number == 0 else tall // 16
        parts.append(np.zeros((tall, space, 4), np.uint8))
    return np.hstack(parts[:-1])


def as_pictures(values: np.ndarray) -> list[np.ndarray]:
    """Return arrays [N, channels, H, W] as images, each stretched to its own range about a middle grey of zero."""
    import numpy as np

    largest = np.abs(values).reshape(len(values), -1).max(1).reshape(-1, 1, 1, 1)
    scaled = (127.5 + 127.5 * values / np.maximum(largest, 1e-12)).round().astype(np.uint8)
    return [picture.transpose(1, 2, 0) if picture.shape[0] == 3 else picture[0] for picture in scaled]


def bytes_as_pictures(values: np.ndarray) -> list[np.ndarray]:
    """Return uint8 [N, channels, H, W] as images [H, W, 3] or [H, W]."""
    return [picture.transpose(1, 2, 0) if picture.shape[0] == 3 else picture[0] for picture in values]
