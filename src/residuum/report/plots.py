"""Lines as a plotly figure, with values on hover: plain dicts, which the page's script draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lines import Line, Panel

_SYMBOLS = {
    "blue": "circle",
    "vermilion": "square",
    "green": "triangle-up",
    "purple": "diamond",
    "ochre": "triangle-down",
    "muted": "x",
}


def line_plot(panel: Panel, *, log_x: bool = False, log_y: bool = False) -> dict[str, Any]:
    """Return a panel's lines with their spread as {"data", "layout"}; a click on a name hides its line.

    Args:
        panel: as ``line_panel`` draws it on paper.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.
    """
    axis: dict[str, Any] = {"gridcolor": "var(--grid)", "zeroline": False, "automargin": True}
    data = [trace for line in panel.lines for trace in _traces(line)]
    layout: dict[str, Any] = {
        "title": {"text": panel.title, "font": {"size": 14}, "x": 0, "xanchor": "left"},
        "xaxis": {**axis, "title": {"text": panel.xlabel}, "type": "log" if log_x else "linear"},
        "yaxis": {**axis, "title": {"text": panel.ylabel}, "type": "log" if log_y else "linear"},
        "legend": {"orientation": "h", "y": -0.22},
        "hovermode": "x unified",
        "height": 420,
    }
    if panel.top is not None and not log_y:
        layout["yaxis"]["range"] = [0, panel.top]
    if panel.level is not None:
        height, name = panel.level
        layout["shapes"] = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height,
                             "line": {"dash": "dot", "width": 1, "color": "var(--muted)"}}]  # fmt: skip
        layout["annotations"] = [{"xref": "paper", "x": 0, "y": height, "text": name, "showarrow": False, "yshift": 8}]
    return {"data": data, "layout": layout}


def _traces(line: Line) -> list[dict[str, Any]]:
    """Return the shade and the mean of a line."""
    import numpy as np

    values = np.array(line.values, dtype=float)
    colour, x = f"var(--{line.look})", list(map(float, line.x))
    means = _plain(values.mean(0))
    shown = {"type": "scatter", "name": line.name, "legendgroup": line.name}
    mean = {
        **shown,
        "mode": "lines+markers",
        "x": x,
        "y": means,
        "line": {"color": colour, "dash": "dash" if line.dashed else "solid"},
        "marker": {"symbol": _SYMBOLS[line.look], "color": colour},
    }
    if len(values) < 2:
        return [mean]
    edges = [*_plain(values.max(0)), *_plain(values.min(0))[::-1]]
    shade = {
        **shown,
        "mode": "lines",
        "x": [*x, *x[::-1]],
        "y": edges,
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.15,
        "hoverinfo": "skip",
        "showlegend": False,
        "line": {"width": 0, "color": colour},
    }
    return [shade, mean]


def _plain(values: Any) -> list[float | None]:
    """Return numbers for JSON: None, a gap, where one is not finite."""
    import math

    return [float(value) if math.isfinite(value) else None for value in values]
