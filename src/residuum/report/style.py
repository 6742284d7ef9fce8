"""The look of figures, and their export to SVG for a page or PNG for a file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Every colour by its part, for light and for dark pages. All but paper and grid keep a contrast of 4.5 on
# the paper; blue, vermilion, green, purple and ochre stay apart under the common forms of colour blindness (after
# Okabe and Ito; tests/report/test_report_colours.py measures it).
PALETTE = {
    "paper": ("#ffffff", "#14171c"),
    "ink": ("#1b1f24", "#e8eaed"),
    "muted": ("#5a626c", "#a3acb8"),
    "grid": ("#e4e7eb", "#2c323a"),
    "blue": ("#0067ad", "#58b4f0"),
    "vermilion": ("#c84a00", "#ff8b4d"),
    "green": ("#00795a", "#3ccb9f"),
    "purple": ("#9c4485", "#e39ac6"),
    "ochre": ("#523204", "#f4dc2a"),
}
LIGHT = {name: light for name, (light, _) in PALETTE.items()}
ON_COLOUR = "#fefefe"  # text on a filled cell; no part of the palette, so it stays the same on dark pages

_SETTINGS = {
    "axes.axisbelow": True,
    "axes.edgecolor": LIGHT["muted"],
    "axes.facecolor": "none",
    "axes.labelcolor": LIGHT["muted"],
    "axes.labelsize": 9,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "figure.facecolor": LIGHT["paper"],
    "font.family": "DejaVu Sans",  # the one font that comes with matplotlib: the same figure on every machine
    "font.size": 9,
    "grid.color": LIGHT["grid"],
    "savefig.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "residuum",
    "text.color": LIGHT["ink"],
    "text.parse_math": False,  # a class may be named "$5"
    "xtick.color": LIGHT["muted"],
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.color": LIGHT["muted"],
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Draw inside with the settings above, whatever the user's own matplotlib settings are."""
    from matplotlib import style

    with style.context(["default", _SETTINGS]), warnings.catch_warnings():
        # A browser has the letters that the drawing font lacks; a PNG shows boxes for them.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def panels(count: int, width: float, height: float, *, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure and its ``count`` axes side by side; ``width`` and ``height`` of one panel in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained")
    axes = figure.subplots(1, count, sharey=sharey, squeeze=False)[0]
    return figure, list(axes)


def shorten(name: str, length: int = 22) -> str:
    """Return the name, cut with an ellipsis if it is longer than ``length``."""
    return name if len(name) <= length else name[: length - 1] + "…"


def png(figure: Figure) -> bytes:
    """Return the figure as PNG on white paper; the same data give the same bytes."""
    with house_style():
        _settle(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, alt: str) -> str:
    """Return the figure as one ``<svg>`` element for an HTML page; the same data give the same text.

    Its colours are the page's variables (``var(--ink)``), so that it follows light and dark; its letters are text in
    the page's font; its identifiers are unique, so that many figures fit on one page. ``alt`` is its text for screen
    readers.
    """
    from html import escape

    with house_style():
        _settle(figure)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawing = buffer.getvalue()
    body = drawing[drawing.index("<g id=") :]
    body = re.sub(r" font-family: [^;\"]*;?", "", body)
    for name, light in LIGHT.items():
        body = body.replace(light, f"var(--{name})")
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {width} {height}" '
        f'style="min-width:{round(0.9 * width)}px;max-width:{round(1.5 * width)}px">{_own_identifiers(body)}'
    )


def svg_file(figure: Figure, alt: str) -> str:
    """Return the figure as a whole SVG file: as ``svg``, with the palette inside, light and dark, and a background."""
    light, dark = ("".join(f"--{name}:{both[side]};" for name, both in PALETTE.items()) for side in (0, 1))
    looks = f":root{{{light}font-family:sans-serif}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    opened, body = svg(figure, alt).split(">", 1)
    paper = '<rect width="100%" height="100%" style="fill:var(--paper)"/>'
    return f"{opened.replace('<svg ', head)}><style>{looks}</style>{paper}{body}\n"


def _settle(figure: Figure) -> None:
    """Lay the figure out once: each further drawing would move it a little from where the last one left it."""
    _write_plain_logarithms(figure)
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _write_plain_logarithms(figure: Figure) -> None:
    """Write 0.01 beside a logarithmic axis; its own 10^-2 would need the mathematics that letters are not read as."""
    from matplotlib.ticker import LogFormatterMathtext

    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
                axis.set_major_formatter("{x:g}")
                low, high = sorted(abs(float(end)) for end in axis.get_view_interval())
                axis.set_minor_formatter("{x:g}" if low * 10 > high else "")


def _own_identifiers(body: str) -> str:
    """Keep only the identifiers that are referenced, under a prefix from the drawing itself."""
    prefix = "f" + hashlib.sha256(body.encode()).hexdigest()[:8]
    pointed_at = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", body))

    def keep(match: re.Match[str]) -> str:
        return f' id="{prefix}-{match[1]}"' if match[1] in pointed_at else ""

    body = re.sub(r" id=\"([^\"]*)\"", keep, body)
    return re.sub(r"(url\(|xlink:href=\")#", rf"\1#{prefix}-", body)
