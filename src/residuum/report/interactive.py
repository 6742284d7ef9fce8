"""Interactive figures (rotate, zoom, hover): plotly draws them, and a page contains its script once."""

from __future__ import annotations

import json
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from . import page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Draws every figure of the page once it is loaded. Colours such as var(--blue) become the page's own, light or dark.
_DRAW = """
const style = getComputedStyle(document.documentElement);
const colour = name => style.getPropertyValue(name).trim();
const settled = text => JSON.parse(text.replace(/var\\((--[a-z]+)\\)/g, (_, name) => colour(name)));
for (const place of document.querySelectorAll("div.plot")) {
  const figure = settled(place.querySelector("script").textContent);
  const plain = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
    font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 12 },
    margin: { l: 48, r: 12, t: 36, b: 44 }, hoverlabel: { namelength: -1 } };
  place.replaceChildren();
  Plotly.newPlot(place, figure.data, { ...plain, ...figure.layout },
    { responsive: true, displayModeBar: false })
    .then(() => place.dataset.drawn = "yes");
}
"""


def interactive_figure(plot: dict[str, Any], drawing: Figure, alt: str, caption: str = "") -> page.Markup:
    """Return a plotly figure that the page's script draws; where no script runs, the static figure replaces it.

    Args:
        plot: {"data": [...], "layout": {...}} as plotly takes it; plain numbers, lists and strings.
        drawing: the static figure.
        alt: the text alternative.
        caption: below it.
    """
    held = json.dumps(plot, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    height = int(plot.get("layout", {}).get("height", 420))
    return page.Markup(
        f'<figure class="wide"><div class="plot" role="img" aria-label="{escape(alt)}" style="min-height:{height}px">'
        f'<script type="application/json">{held}</script></div>'
        f"<noscript>{page.figure(drawing, alt)}</noscript>{below}</figure>"
    )


def can_move() -> bool:
    """Return whether plotly is installed, whose script draws; without it pages show the drawings on paper."""
    return find_spec("plotly") is not None


def plotly_script() -> page.Markup:
    """Return plotly's script (5 MB) and the lines that draw, to be placed last on the page."""
    from plotly.offline import get_plotlyjs

    return page.Markup(f"<script>{get_plotlyjs()}</script>\n<script>{_DRAW}</script>")
