"""One self-contained HTML page from small parts: no network, no font but the reader's own, no script but plotly's.

A part is ``Markup``. Any other string is text and is escaped, so a class may be called ``<script>``.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from residuum_runtime.names import encodable

from ..errors import InputError
from .style import svg
from .stylesheet import stylesheet

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

_NUMBER = re.compile(r"[+\-−]?[\d.,]+([eE][+\-]?\d+)?( ?(%|s|ms|min|h|MB|MiB|GiB))?( ?(±|\+-) ?[\d.,]+( ?%)?)?|[–—-]")
_CRISP = 64  # images up to this many pixels are enlarged with hard edges
_THUMBNAIL = 256


class Markup(str):
    """HTML made here; plain strings are text and get escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class Picture:
    """An image of the grid.

    Args:
        image: uint8 [H, W, 3] or [H, W].
        alt: a description for screen readers.
        lines: captions below it; the first is the main one.
    """

    image: np.ndarray
    alt: str
    lines: Sequence[str] = ()


def page(title: str, sections: Iterable[str], *, kind: str = "", scripted: bool = False) -> str:
    """Return a whole HTML document.

    Args:
        title: the page's name and its only first-level heading.
        sections: what ``section`` returns, or any other part; a plain string becomes a paragraph.
        kind: the kind of page, a word or two above the title.
        scripted: whether the page contains a script, for interactive figures.
    """
    above = f'<p class="kind">{escape(kind)}</p>\n' if kind else ""
    # The policy makes the browser itself refuse every request, so a page cannot call out by accident.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    if scripted:  # plotly compiles code at run time, and makes images to save
        policy = policy.replace("data:", "data: blob:") + "; script-src 'unsafe-inline' 'unsafe-eval'"
    holds = "its script stands inside" if scripted else "it holds no script"
    return encodable(  # file names may hold bytes that are not UTF-8
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{stylesheet()}</style>\n</head>\n<body>\n"
        f"<header>\n{above}<h1>{escape(title)}</h1>\n</header>\n<main>\n{_join(sections)}\n</main>\n"
        f"<footer>Made with Residuum. This file is complete in itself: {holds} and it loads nothing.</footer>\n"
        "</body>\n</html>\n"
    )


def section(heading: str, *parts: str) -> Markup:
    """Return a second-level heading and its parts."""
    return Markup(f"<section>\n<h2>{escape(heading)}</h2>\n{_join(parts)}\n</section>")


def opening(*parts: str) -> Markup:
    """Return the section right below the title, without a heading."""
    return Markup(f'<div class="opening">\n{_join(parts)}\n</div>')


def heading(text: str) -> Markup:
    """Return a third-level heading within a section."""
    return Markup(f"<h3>{escape(text)}</h3>")


def paragraph(text: str) -> Markup:
    """Return a paragraph."""
    return Markup(f"<p>{escape(text)}</p>")


def lead(text: str) -> Markup:
    """Return the lead sentence."""
    return Markup(f'<p class="lead">{escape(text)}</p>')


def bullets(items: Iterable[str]) -> Markup:
    """Return a list of short notes."""
    return Markup("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>")


def command(text: str) -> Markup:
    """Return lines to be typed, as they are."""
    return Markup(f"<pre><code>{escape(text)}</code></pre>")


def folded(summary: str, *parts: str) -> Markup:
    """Return parts that stay hidden until the reader opens them."""
    return Markup(f"<details><summary>{escape(summary)}</summary>\n{_join(parts)}\n</details>")


def figure(drawing: Figure, alt: str, caption: str = "") -> Markup:
    """Return the drawing as inline SVG that follows light and dark; ``alt`` describes it."""
    if not alt:
        raise InputError("a figure needs an alt text, got none; describe it in a sentence")
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return Markup(f"<figure>{_wrap_scrolling(svg(drawing, alt), 'Figure')}{below}</figure>")


def figures(*parts: Markup) -> Markup:
    """Return figures side by side, or below one another where the screen is narrow."""
    return Markup(f'<div class="figures">\n{_join(parts)}\n</div>')


def beside(main: Markup, aside: Markup) -> Markup:
    """Return a large part with a smaller one at its right, or below it where the screen is narrow."""
    return Markup(f'<div class="beside">\n{main}\n{aside}\n</div>')


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> Markup:
    """Return a table; the first cell of a row names the row. Columns of numbers are set to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    if wrong := [row for row in cells if len(row) != len(columns)]:
        raise InputError(f"each row must have the table's {len(columns)} columns, got {wrong[0]}; fill or cut it")
    numeric = [i > 0 and all(_NUMBER.fullmatch(row[i]) for row in cells) for i in range(len(columns))]
    marks = [' class="number"' if right else "" for right in numeric]
    head = "".join(f'<th scope="col"{mark}>{escape(name)}</th>' for name, mark in zip(columns, marks, strict=True))
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{mark}>{escape(cell)}</td>" for cell, mark in zip(row[1:], marks[1:], strict=True))
        + "</tr>"
        for row in cells
    )
    words = f"<caption>{escape(caption)}</caption>"
    return _wrap_scrolling(f"<table>{words}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>", caption)


def facts(values: Mapping[str, str]) -> Markup:
    """Return names and values as a table of two columns."""
    rows = "\n".join(
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
        for name, value in values.items()
    )
    return Markup(f'<table class="facts"><tbody>\n{rows}\n</tbody></table>')


def picture_grid(pictures: Iterable[Picture]) -> Markup:
    """Return images in a grid; tiny ones (8 by 8) are enlarged with hard edges, large ones shrunk to 256 pixels."""
    return Markup('<ul class="pictures">\n' + "\n".join(map(_picture, pictures)) + "\n</ul>")


def _picture(picture: Picture) -> str:
    from PIL import Image

    image = Image.fromarray(picture.image)
    tiny = max(image.size) <= _CRISP
    enlarged = max(1, 128 // max(image.size)) if tiny else 1  # whole pixels: all are equally large
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    width, height = (enlarged * pixels for pixels in image.size)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG" if tiny else "JPEG", quality=85)
    data = f"data:image/{'png' if tiny else 'jpeg'};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    look = ' class="pixels"' if tiny else ""
    marks = ["", *([' class="note"'] * len(picture.lines))]
    words = "".join(f"<span{mark}>{escape(line)}</span>" for mark, line in zip(marks, picture.lines, strict=False))
    return f'<li><img{look} src="{data}" width="{width}" height="{height}" alt="{escape(picture.alt)}">{words}</li>'


def _wrap_scrolling(content: str, name: str) -> Markup:
    """Let content wider than a phone scroll by itself, by touch and by keyboard, without the whole page."""
    return Markup(f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(name)}">{content}</div>')


def _join(parts: Iterable[str]) -> str:
    return "\n".join(part if isinstance(part, Markup) else paragraph(part) for part in parts)
