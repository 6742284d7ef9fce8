"""Figures of runs and studies: plain numbers in, a matplotlib Figure out; nothing is shown or saved.

Training curves are dashed and thin, test curves solid and bold, as in He15 figure 6. Lines carry their names
at their ends instead of in a legend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from residuum_runtime.intervals import wilson_interval

from ..errors import InputError
from .confusion import confusion_matrix
from .numbers import percent
from .style import LIGHT, house_style, panels, shorten

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Series", "confusion_matrix", "curves", "degradation", "per_class_accuracy"]

_KINDS = {"plain": "Plain networks", "residual": "Residual networks"}
_DEPTH_LOOKS = (("blue", "o"), ("vermilion", "s"), ("green", "^"), ("purple", "D"), ("ochre", "v"))
_MOST_BARS = 40
_MISSING = (None, "")  # an empty cell of a CSV file, as each reader returns it


@dataclass(frozen=True)
class Series:
    """One network's errors over the epochs, in percent.

    Args:
        name: as in the label, ``plain-20``.
        depth: counted layers; one depth looks the same in both panels.
        kind: ``plain`` or ``residual``.
        train_error: [seeds, epochs].
        test_error: [seeds, epochs].
    """

    name: str
    depth: int
    kind: str
    train_error: np.ndarray
    test_error: np.ndarray


def curves(history: Sequence[Mapping[str, Any]], parts: Sequence[str] = ("loss", "accuracy")) -> Figure:
    """Draw loss and accuracy over the epochs, side by side.

    Args:
        history: a dict per epoch with ``epoch``, ``train_loss``, ``train_acc1``, ``val_loss``, ``val_acc1`` (accuracies
            in percent). A column may be missing or None; values that are not finite leave a gap and a note.
        parts: the panels to draw.

    Raises:
        InputError: an empty history, or an unknown part.
    """
    if not history:
        raise InputError("curves need at least one epoch, got an empty history; leave the figure out")
    panels_of_a_run = {
        "loss": ("Loss", "train_loss", "val_loss", _limit_loss, "{:.3g}"),
        "accuracy": ("Accuracy, %", "train_acc1", "val_acc1", _limit_accuracy, "{:.1f}"),
    }
    if unknown := [part for part in parts if part not in panels_of_a_run]:
        raise InputError(f"parts must be among {', '.join(panels_of_a_run)}, got {', '.join(unknown)}; name only these")
    with house_style():
        figure, axes = panels(len(parts), 4.7, 3.1)
        for ax, part in zip(axes, parts, strict=True):
            title, train, held_out, limit, form = panels_of_a_run[part]
            _curve_panel(ax, history, {"training": train, "validation": held_out})
            ax.set_title(title)
            limit(ax)
            _end_labels(ax, form)
    return figure


def degradation(curves: Sequence[Series], kinds: Sequence[str] = ("plain", "residual")) -> Figure:
    """Draw training and test error over the epochs, plain networks beside residual ones (He15 figure 6).

    Test error is bold, training error dashed; a line is the mean over the seeds, its shade reaches from the lowest seed
    to the highest. Depths differ in colour, width and marker.

    Args:
        curves: the networks; their highest error sets the scale, whichever panels are drawn.
        kinds: the panels to draw; for a page that is also read on phones, draw each as its own figure.

    Raises:
        InputError: no network of a kind, an unknown kind, or errors that are not [seeds, epochs] of percent.
    """
    import numpy as np

    for series in curves:
        _check_series(series)
    if missing := [kind for kind in kinds if kind not in {series.kind for series in curves}]:
        raise InputError(f"each panel needs a network, got none of kind {', '.join(missing)}; pass kinds= without it")
    depths = sorted({series.depth for series in curves})
    with house_style():
        figure, axes = panels(len(kinds), 4.9, 3.8, sharey=True)
        for ax, kind in zip(axes, kinds, strict=True):
            for series in sorted((s for s in curves if s.kind == kind), key=lambda s: s.depth):
                _series_lines(ax, series, depths.index(series.depth))
            ax.set_title(_KINDS[kind])
            ax.set_xlabel("epoch")
            _integer_epochs(ax, np.concatenate([line.get_xdata() for line in ax.lines]))
        axes[0].set_ylabel("error, %   (bold: test, dashed: training)")
        axes[0].set_ylim(0, _top_error(curves))
        for ax in axes:
            _end_labels(ax)
    return figure


def per_class_accuracy(accuracies: Sequence[float], counts: Sequence[int], classes: Sequence[str]) -> Figure:
    """Draw each class's accuracy with its 95 % Wilson interval, worst first; of many classes the worst 40.

    Args:
        accuracies: percent, one per class; ignored where the count is 0.
        counts: images of each class.
        classes: their names.

    Raises:
        InputError: lengths that differ, or no images at all.
    """
    from matplotlib.ticker import MaxNLocator

    if not len(accuracies) == len(counts) == len(classes):
        raise InputError(
            "accuracies, counts and classes must be of equal number, "
            f"got {len(accuracies)}, {len(counts)} and {len(classes)}; pass one of each for every class"
        )
    seen = sorted((float(a), int(n), str(c)) for a, n, c in zip(accuracies, counts, classes, strict=True) if n)
    if not seen:
        raise InputError("accuracy per class needs images, got none in any class; leave the figure out")
    shown = seen[:_MOST_BARS]
    mean = sum(a * n for a, n, _ in seen) / sum(n for _, n, _ in seen)
    with house_style():
        figure, (ax,) = panels(1, 5.2, 1.0 + 0.21 * len(shown))
        rows, blue = range(len(shown)), LIGHT["blue"]
        lows, highs = zip(*(_interval(accuracy, count) for accuracy, count, _ in shown), strict=True)
        ax.hlines(rows, lows, highs, color=blue, alpha=0.35, lw=5)
        ax.plot([accuracy for accuracy, _, _ in shown], rows, "o", color=blue, ms=5, label="accuracy", clip_on=False)
        ax.axvline(mean, color=LIGHT["muted"], lw=1, ls=(0, (2, 2)), zorder=0)
        ax.set_yticks(rows, [f"{shorten(name)}  ({count})" for _, count, name in shown])
        ax.tick_params(axis="y", labelcolor=LIGHT["ink"])
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_xlim(10 * (min(lows) // 10), 101)
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        beyond = f"   ({len(seen) - len(shown)} better classes not shown)" if len(seen) > len(shown) else ""
        ax.set_xlabel(f"accuracy, %{beyond}")
        ax.grid(axis="x")
        ax.set_title(f"dotted: all images, {percent(mean)}", size=8.5, weight="normal", color=LIGHT["muted"])
    return figure


def _interval(accuracy: float, count: int) -> tuple[float, float]:
    low, high = wilson_interval(accuracy / 100 * count, count)
    return 100 * low, 100 * high


def _curve_panel(ax: Axes, history: Sequence[Mapping[str, Any]], columns: dict[str, str]) -> None:
    import numpy as np

    epochs = np.array([float(row["epoch"]) for row in history])
    looks = {"training": ("muted", 1.3, (0, (4, 2))), "validation": ("blue", 2.2, "-")}
    for name, column in columns.items():
        values = np.array([_number(row.get(column)) for row in history])
        if not np.isfinite(values).any():
            continue
        colour, width, dashes = looks[name]
        marker = "o" if len(history) == 1 else None
        seen = np.array([not (column.startswith("val_") and _unvalidated(row)) for row in history])
        ax.plot(
            epochs[seen],
            values[seen],
            label=name,
            color=LIGHT[colour],
            lw=width,
            ls=dashes,
            marker=marker,
            clip_on=False,
        )
    measured = [
        (row["epoch"], row.get(column))
        for row in history
        for column in columns.values()
        if not (column.startswith("val_") and _unvalidated(row))
    ]
    broken = list(
        dict.fromkeys(epoch for epoch, value in measured if value not in _MISSING and np.isnan(_number(value)))
    )
    if broken:
        said = f"not finite in {len(broken)} of {len(history)} epochs, first in epoch {broken[0]}"
        ax.text(0.02, 0.04, said, transform=ax.transAxes, color=LIGHT["vermilion"], size=8.5)
    if not ax.lines:
        ax.set_yticks([])
    ax.set_xlabel("epoch")
    _integer_epochs(ax, epochs)


def _unvalidated(row: Mapping[str, Any]) -> bool:
    """Return whether the epoch has no validation: a diverging network still has an accuracy."""
    return math.isnan(_number(row.get("val_acc1")))


def _number(value: Any) -> float:
    """Return the value as a float; missing and infinite ones as NaN, which matplotlib leaves out."""
    number = float("nan" if value in _MISSING else value)
    return number if math.isfinite(number) else float("nan")


def _integer_epochs(ax: Axes, epochs: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    first, last = float(epochs.min()), float(epochs.max())
    margin = max(0.02 * (last - first), 0.1)
    ax.set_xlim(first - margin, last + margin)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    ax.grid(axis="y")


def _limit_loss(ax: Axes) -> None:
    low, high = ax.dataLim.intervaly
    if 0 < low < high / 100:  # a diverging start would flatten everything else onto the axis
        ax.set_yscale("log")
    elif high > 0:
        ax.set_ylim(0, 1.08 * high)


def _limit_accuracy(ax: Axes) -> None:
    low = float(ax.dataLim.intervaly[0]) if ax.lines else 0.0
    ax.set_ylim(max(0.0, 10 * (low // 10) - (low % 10 < 2) * 10), 101)


def _series_lines(ax: Axes, series: Series, rank: int) -> None:
    import numpy as np

    colour, marker = _DEPTH_LOOKS[rank % len(_DEPTH_LOOKS)]
    epochs = np.arange(1, series.test_error.shape[1] + 1)
    look: dict[str, Any] = {"color": LIGHT[colour], "marker": marker, "markevery": max(1, len(epochs) // 6)}
    thin: dict[str, Any] = {"lw": 1.0 + 0.2 * rank, "ls": (0, (4, 2)), "ms": 4, "mfc": LIGHT["paper"]}
    bold: dict[str, Any] = {"lw": 1.6 + 0.5 * rank, "ms": 5}
    lines = ((series.train_error, f"_{series.name} training", thin), (series.test_error, series.name, bold))
    for errors, label, line in lines:
        ax.plot(epochs, errors.mean(axis=0), label=label, **look, **line)
        ax.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=LIGHT[colour], alpha=0.15, lw=0)


def _top_error(curves: Sequence[Series]) -> float:
    """Return the end of the axis: the same for one panel as for both, so that figures compare side by side."""
    import numpy as np

    highest = max(float(np.max(errors)) for s in curves for errors in (s.train_error, s.test_error))
    return min(100.0, 1.05 * highest) or 1.0


def _check_series(series: Series) -> None:
    shapes = [getattr(errors, "shape", ()) for errors in (series.train_error, series.test_error)]
    if len(shapes[0]) != 2 or shapes[0] != shapes[1] or 0 in shapes[0]:
        raise InputError(
            f"{series.name}: training and test errors must be arrays [seeds, epochs] of one shape, "
            f"got {shapes[0]} and {shapes[1]}; cut all seeds to the same epochs"
        )
    for errors in (series.train_error, series.test_error):
        if not ((errors >= 0) & (errors <= 100)).all():
            raise InputError(
                f"{series.name}: errors must be percent from 0 to 100, got {errors.min()} to {errors.max()}; "
                "score a diverged run by its predictions"
            )
    if series.kind not in _KINDS:
        raise InputError(f"{series.name}: kind must be plain or residual, got {series.kind!r}; name its panel")


def _end_labels(ax: Axes, form: str = "{:.1f}") -> None:
    """Write each line's name and last value at its right end, pushed apart where they would overlap."""
    import numpy as np

    named = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    ends = []
    for line in named:
        x, y = (np.asarray(values, float) for values in line.get_data())
        if not (finite := np.flatnonzero(np.isfinite(y))).size:
            continue  # the figure shows nothing of it
        last = finite[-1]
        pixels = ax.transData.transform((x[last], y[last]))
        ends.append((ax.transAxes.inverted().transform(pixels)[1], y[last], line))
    ends.sort(key=lambda end: end[0])
    heights = _apart([height for height, _, _ in ends], gap=0.065)
    for height, (_, value, line) in zip(heights, ends, strict=True):
        text = f"{line.get_label()} {form.format(value)}"
        where: dict[str, Any] = {"xycoords": "axes fraction", "va": "center", "annotation_clip": False}
        ax.annotate(text, (1.015, height), color=line.get_color(), size=8.5, weight="bold", **where)


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """Return ascending heights at least ``gap`` apart, moved by the least squares that this needs, kept in [0, 1]."""
    groups: list[list[float]] = []  # heights that touch spread around their mean
    for i, height in enumerate(heights):
        groups.append([height - i * gap])
        while len(groups) > 1 and _mean(groups[-2]) >= _mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    room = 1 - gap * (len(heights) - 1)
    bases = [min(max(_mean(group), 0.0), room) for group in groups for _ in group]
    return [base + i * gap for i, base in enumerate(bases)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
