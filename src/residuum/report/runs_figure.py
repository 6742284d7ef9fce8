"""Many runs in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .figures import _end_labels, _integer_epochs
from .style import LIGHT, house_style, panels, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Five colours that stay apart under the common forms of colour blindness, each with its own marker; once solid and
# once dashed.
_COLOURS = (("blue", "o"), ("vermilion", "s"), ("green", "^"), ("purple", "D"), ("ochre", "v"))
NAMED = 2 * len(_COLOURS)


@dataclass(frozen=True)
class RunCurve:
    """A run over its epochs.

    Args:
        name: as in the label.
        epochs: numbers of the epochs.
        accuracy: on validation images, percent.
        loss: in training.
    """

    name: str
    epochs: Sequence[float]
    accuracy: Sequence[float]
    loss: Sequence[float]


def runs_figure(curves: Sequence[RunCurve]) -> Figure:
    """Draw validation accuracy and training loss of each run; the first ten by name, any others thin and grey.

    Raises:
        InputError: no run, or one without an epoch.
    """
    if not curves or any(not curve.epochs for curve in curves):
        raise InputError("a figure of runs needs a run, each with a finished epoch; leave the others out")
    import numpy as np

    with house_style():
        figure, axes = panels(2, 5.4, 0.9 + max(2.9, 0.24 * min(len(curves), NAMED)))
        for ax, part in zip(axes, ("accuracy", "loss"), strict=True):
            for rank, curve in reversed(list(enumerate(curves))):
                values = np.array(getattr(curve, part), dtype=float)
                if np.isfinite(values).any():
                    ax.plot(curve.epochs, np.where(np.isfinite(values), values, np.nan), **_look(rank, curve))
            _integer_epochs(ax, np.concatenate([curve.epochs for curve in curves]))
            ax.set_xlabel("epoch")
        _scale(axes, len(curves))
        _end_labels(axes[0], "{:.1f}")
        _end_labels(axes[1], "{:.2g}")
    return figure


def _look(rank: int, curve: RunCurve) -> dict[str, Any]:
    if rank >= NAMED:
        return {"color": LIGHT["muted"], "lw": 0.7, "alpha": 0.4, "label": f"_{curve.name}"}
    colour, marker = _COLOURS[rank % len(_COLOURS)]
    dashed = rank >= len(_COLOURS)
    return {
        "color": LIGHT[colour],
        "marker": marker,
        "markevery": max(1, len(curve.epochs) // 6),
        "ms": 4.5,
        "mfc": LIGHT["paper"] if dashed else LIGHT[colour],
        "lw": 1.4 if dashed else 1.9,
        "ls": (0, (4, 2)) if dashed else "-",
        "label": shorten(curve.name),
        "clip_on": False,
    }


def _scale(axes: Sequence[Axes], count: int) -> None:
    more = f"   ({count - NAMED} more in grey)" if count > NAMED else ""
    axes[0].set_title(f"Validation accuracy, %{more}")
    axes[1].set_title("Training loss")
    low, high = axes[0].dataLim.intervaly
    margin = max(1.0, 0.05 * (high - low))
    axes[0].set_ylim(max(0.0, low - margin), min(101.0, high + margin))
    low, high = axes[1].dataLim.intervaly
    if 0 < low < high / 30:
        axes[1].set_yscale("log")
    else:
        axes[1].set_ylim(0, 1.05 * high or 1.0)
