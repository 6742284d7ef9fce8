"""Small pictures in rows: filters, what units answer to, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .style import house_style

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure


def picture_rows(
    rows: Sequence[Sequence[np.ndarray]], names: Sequence[str], *, title: str, side: float = 0.62, gap: bool = False
) -> Figure:
    """Draw rows of pictures, each with its name at the left.

    Args:
        rows: pictures uint8 [H, W, 3] or [H, W]; rows may differ in length.
        names: one a row.
        title: above all.
        side: of a picture, inches.
        gap: leave a gap behind the first picture of a row, which the others belong to.

    Raises:
        InputError: no picture, or other than one name a row.
    """
    if not rows or not all(len(row) for row in rows) or len(names) != len(rows):
        raise InputError(
            f"a grid needs pictures in each row and a name for it, got {len(rows)} rows, {len(names)} names"
        )
    from matplotlib.figure import Figure as MatplotlibFigure

    columns = max(map(len, rows))
    left = 0.2 + 0.075 * max(map(len, names))
    width, height = left + (columns + 0.4 * gap) * side * 1.06 + 0.1, len(rows) * side * 1.06 + 0.4
    with house_style():
        figure = MatplotlibFigure(figsize=(max(width, left + 0.075 * len(title)), height))
        total = figure.get_figwidth()
        figure.text(0.1 / total, 1 - 0.26 / height, title, size=10.5, weight="bold")
        for number, (name, row) in enumerate(zip(names, rows, strict=True)):
            bottom = height - 0.4 - (number + 1) * side * 1.06
            figure.text(0.1 / total, (bottom + side / 2) / height, name, va="center", size=8.5)
            for column, picture in enumerate(row):
                place = left + (column + 0.4 * (gap and column > 0)) * side * 1.06
                ax = figure.add_axes((place / total, bottom / height, side / total, side / height))
                ax.imshow(
                    picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255, interpolation="nearest"
                )
                ax.set_axis_off()
    return figure


def as_pictures(values: np.ndarray) -> list[np.ndarray]:
    """Return arrays [N, channels, H, W] as pictures, each stretched to its own range about a middle grey of zero."""
    import numpy as np

    largest = np.abs(values).reshape(len(values), -1).max(1).reshape(-1, 1, 1, 1)
    scaled = (127.5 + 127.5 * values / np.maximum(largest, 1e-12)).round().astype(np.uint8)
    return [picture.transpose(1, 2, 0) if picture.shape[0] == 3 else picture[0] for picture in scaled]


def bytes_as_pictures(values: np.ndarray) -> list[np.ndarray]:
    """Return uint8 [N, channels, H, W] as pictures [H, W, 3] or [H, W]."""
    return [picture.transpose(1, 2, 0) if picture.shape[0] == 3 else picture[0] for picture in values]
