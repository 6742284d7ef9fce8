"""The confusion matrix, from 2 classes to 1000."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .style import LIGHT, ON_COLOUR, house_style, panels, shorten

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COUNTS, _MOST_NAMES, _MOST_CELLS = 20, 40, 250


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw how often the model classified each class (row) as each class (column).

    Hits are blue, mistakes vermilion; the strength is the cube root of the share of the row, so that one mistake in a
    hundred is still visible. Up to 20 classes the cells carry their counts, up to 40 the axes carry names; beyond 250
    classes neighbours share a cell, which shows the largest of their shares.

    Args:
        matrix: counts [classes, classes], rows are the truth.
        classes: their names.

    Raises:
        InputError: a matrix of another shape, or with negative counts.
    """
    import numpy as np

    counts = checked_counts(matrix, classes)
    number = len(classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    pooled = -(-number // _MOST_CELLS)
    side = min(8.0, 1.6 + 0.34 * number) if number <= _MOST_NAMES else 5.0
    with house_style():
        figure, (ax,) = panels(1, side, side - 0.2)
        colours = _cell_colours(_pool(shares, pooled))
        ax.imshow(colours, interpolation="none")
        ax.spines[:].set_visible(False)
        ax.set_ylabel("truth")
        ax.set_xlabel("predicted" if pooled == 1 else f"predicted   (a cell: {pooled} by {pooled} classes)")
        if number <= _MOST_NAMES:
            _name_axes(ax, classes)
        else:
            ax.set_xticks([])
            ax.set_yticks([])
        if number <= _MOST_COUNTS:
            _write_counts(ax, counts, colours)
    return figure


def checked_counts(matrix: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return the matrix as integers [classes, classes], or raise InputError."""
    import numpy as np

    counts = np.asarray(matrix)
    if counts.shape != (len(classes), len(classes)):
        raise InputError(
            f"the confusion matrix must be square with a row for each of the {len(classes)} classes, "
            f"got shape {counts.shape}; pass the classes that it was counted with"
        )
    if (counts < 0).any():
        raise InputError(f"the confusion matrix must hold counts, got {counts.min()}; pass numbers of images")
    return counts.astype(np.int64)


def _pool(shares: np.ndarray, size: int) -> np.ndarray:
    import numpy as np

    starts = np.arange(0, len(shares), size)
    return np.maximum.reduceat(np.maximum.reduceat(shares, starts, axis=0), starts, axis=1)


def _cell_colours(shares: np.ndarray) -> np.ndarray:
    """Return [rows, columns, 4]: the hue marks hit or mistake, the opacity the share; any background shows through."""
    import numpy as np
    from matplotlib.colors import to_rgb

    hits = np.eye(len(shares), dtype=bool)[..., None]
    hues = np.where(hits, to_rgb(LIGHT["blue"]), to_rgb(LIGHT["vermilion"]))
    return np.concatenate([hues, np.cbrt(shares)[..., None]], axis=2)


def _name_axes(ax: Axes, classes: Sequence[str]) -> None:
    names = [shorten(name, 18) for name in classes]
    upright = max(map(len, names)) <= 2
    turn = {} if upright else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(names)), names, **turn)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(labelcolor=LIGHT["ink"], labelsize=8.5 if len(names) <= 20 else 7)


def _write_counts(ax: Axes, counts: np.ndarray, colours: np.ndarray) -> None:
    size = 9 if counts.max() < 1000 else 7
    for row, column in zip(*counts.nonzero(), strict=True):
        colour = ON_COLOUR if colours[row, column, 3] > 0.8 else LIGHT["ink"]
        ax.text(column, row, str(counts[row, column]), ha="center", va="center_baseline", color=colour, size=size)
