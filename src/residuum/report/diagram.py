"""A network as a block diagram: stem, stages and head from top to bottom, each distinct block drawn once.

It draws plain words and numbers and depends on no model. The same data give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .block_drawing import Drawing, Slots, draw_slots, line, number, text, text_width
from .block_drawing import box as rectangle
from .style import PALETTE

GUTTER = 158  # left column with names and numbers
WIDEST = 900  # where a stage's panels begin a new line
MARGIN, PAD, BETWEEN, APART = 16, 12, 22, 40


@dataclass(frozen=True)
class Panel:
    """Blocks that stand ``repeat`` times in a row; more than one where several repeat together."""

    name: str
    slots: Sequence[Slots]
    repeat: int
    parameters: int


@dataclass(frozen=True)
class Section:
    """Stem, stage or head, and the shape of one example's output."""

    name: str
    panels: Sequence[Panel]
    shape: Sequence[int]
    parameters: int
    macs: int


@dataclass(frozen=True)
class Diagram:
    """A whole network."""

    name: str
    input_shape: Sequence[int]
    sections: Sequence[Section]
    parameters: int
    macs: int


def diagram_svg(diagram: Diagram) -> str:
    """Return the diagram as a stand-alone SVG file, with a title and a description for screen readers."""
    facts = (
        f"input {entrance(diagram.input_shape)} · {count(diagram.parameters, 'parameter')} · {operations(diagram.macs)}"
    )
    drawn, y = [text(MARGIN, 32, diagram.name, "name"), text(MARGIN, 52, facts, "muted")], 70.0
    right = MARGIN + text_width([facts])
    for index, section in enumerate(diagram.sections):
        if index:
            drawn.append(line(f"M{MARGIN + 8} {number(y - BETWEEN + 1)}v{BETWEEN - 6}", "to"))
        body = _section(section)
        drawn.append(f'<g transform="translate({MARGIN} {number(y)})">{body.svg}</g>')
        right, y = max(right, MARGIN + body.width), y + body.height + BETWEEN
    legend = _legend(diagram)
    drawn += [text(MARGIN, y + 4 + 16 * index, words, "muted") for index, words in enumerate(legend)]
    width, height = max(right, MARGIN + text_width(legend)) + MARGIN, y + 4 + 16 * len(legend)
    title = escape(f"{diagram.name}: block diagram")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="residuum-title residuum-desc" '
        f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width)}" height="{number(height)}">\n'
        f'<title id="residuum-title">{title}</title>\n<desc id="residuum-desc">{escape(say(diagram))}</desc>\n'
    )
    paper = rectangle(0, 0, width, height, "paper", 8)
    return f"{head}{STYLE}\n{TIP}\n{paper}\n" + "\n".join(drawn) + "\n</svg>\n"


def _legend(diagram: Diagram) -> list[str]:
    """Explain only the signs of this diagram."""
    everything = [slots for section in diagram.sections for panel in section.panels for slots in panel.slots]
    words = [word for slots in everything for word in (*slots.branch, *slots.shortcut)]
    legend = ["filled: convolutions and matrices" + (", /2: stride 2" if any(", /" in word for word in words) else "")]
    if any(panel.name for section in diagram.sections for panel in section.panels):
        legend.append("in a frame’s corner: the parameters of all its blocks")
    if any("·s" in slots.formula for slots in everything):
        legend.append("s: what the shortcut carries, F: what the branch computes")
    if any(slots.merge not in ("", "none") and not slots.depth for slots in everything):
        legend.append("blue: the shortcut, the identity where nothing stands on it")
    if any(kind == "identity" for slots in everything for *_, kind in slots.skips):
        legend.append("blue: a fixed identity")
    if any(kind != "identity" for slots in everything for *_, kind in slots.skips):
        legend.append("orange: a learnt skip matrix")
    return legend


def times(shape: Sequence[int]) -> str:
    """Return a shape in words, ``64 × 56 × 56``."""
    return " × ".join(f"{size}" for size in shape)


def entrance(shape: Sequence[int]) -> str:
    """Return an example's shape in words, for a text with its unit."""
    return count(shape[0], "token") if len(shape) == 1 else times(shape)


def count(amount: int, thing: str) -> str:
    """Return a number of things, ``1,024 parameters``."""
    return f"{amount:,} {thing}" + ("" if amount == 1 else "s")


def operations(macs: int) -> str:
    """Return multiply-accumulates to three figures, in thousands, millions (M) or thousand millions (G)."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if macs >= size:
            value = macs / size
            return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit} MACs"
    return f"{macs} MACs"


def say(diagram: Diagram) -> str:
    """Return the diagram in words."""
    sentences = [f"Input {entrance(diagram.input_shape)}."]
    for section in diagram.sections:
        panels = "; ".join(_say_panel(panel) for panel in section.panels)
        sentences.append(f"{section.name}: {panels}; output {times(section.shape)}.")
    return " ".join(sentences)


def _say_panel(panel: Panel) -> str:
    said = ", then ".join(_say_slots(slots) for slots in panel.slots)
    return f"{panel.repeat} times {said}" if panel.repeat > 1 else said


def _say_slots(slots: Slots) -> str:
    branch = ", ".join(slots.branch)
    if not slots.merge:
        return branch
    shortcut = "" if slots.merge == "none" else f"shortcut {', '.join(slots.shortcut) or 'identity'}, "
    after = f", then {', '.join(slots.activation)}" if slots.activation else ""
    return f"a block ({shortcut}branch {branch}, merge {slots.merge}{after})"


def _section(section: Section) -> Drawing:
    """Draw a stage: its name and numbers on the left, its panels beside."""
    facts = [times(section.shape), count(section.parameters, "parameter")]
    if section.macs:
        facts.append(operations(section.macs))
    drawn = [text(0, 16, section.name, "section")]
    drawn += [text(0, 33 + 16 * index, fact, "muted") for index, fact in enumerate(facts)]
    x, y, tallest, right = float(GUTTER), 0.0, 0.0, 0.0
    for index, panel in enumerate(section.panels):
        body = _panel(panel)
        if index and x + BETWEEN + body.width > WIDEST:
            x, y, tallest = float(GUTTER), y + tallest + PAD, 0.0
        elif index:
            drawn.append(line(f"M{number(x + 2)} {number(y + 17)}h{BETWEEN - 5}", "to"))
            x += BETWEEN
        drawn.append(f'<g transform="translate({number(x)} {number(y)})">{body.svg}</g>')
        x, tallest, right = x + body.width, max(tallest, body.height), max(right, x + body.width)
    return Drawing(right, max(y + tallest, 33 + 16 * len(facts)), "".join(drawn))


def _panel(panel: Panel) -> Drawing:
    """Draw a frame with its blocks from left to right, their name and their number in a row."""
    bodies = [draw_slots(slots) for slots in panel.slots]
    top = 32 if panel.name else PAD
    drawn, x = [], float(PAD)
    for index, body in enumerate(bodies):
        if index:
            drawn.append(line(f"M{number(x + APART / 4)} {top + 8}h{APART / 2:.0f}", "to"))
            x += APART
        drawn.append(f'<g transform="translate({number(x)} {top})">{body.svg}</g>')
        x += body.width
    labels = []
    if panel.name:
        label = f"block {panel.name}" if panel.repeat * len(bodies) == 1 else f"blocks {panel.name}"
        repeats = f"× {panel.repeat}" if panel.repeat > 1 else ""
        amount = f"{panel.parameters:,}" if panel.parameters else ""
        least = text_width([label + repeats + amount]) + 56
        width = max(x + PAD, least)
        labels = [text(PAD, 20, label, "label")]
        if amount:
            labels.append(text(width - PAD, 20, amount, "muted end"))
        if repeats:
            labels.append(text(PAD + text_width([label]) + 8, 20, repeats, "repeat"))
    else:
        width = x + PAD
    height = top + max(body.height for body in bodies) + PAD - 2
    return Drawing(width, height, rectangle(0, 0, width, height, "frame", 6) + "".join(labels + drawn))


def _colours(side: int) -> str:
    paper, ink, muted, grid, blue, orange = (
        PALETTE[name][side] for name in ("paper", "ink", "muted", "grid", "blue", "vermilion")
    )
    weighted = ("#dbe3ec", "#37424f")[side]
    return (
        f".paper{{fill:{paper}}}text{{fill:{ink}}}.muted{{fill:{muted}}}.repeat,.name{{fill:{blue}}}"
        f".frame{{fill:none;stroke:{grid}}}.weighted{{fill:{weighted}}}.light{{fill:{paper};stroke:{muted};"
        f"stroke-width:.7}}.merge{{fill:{paper};stroke:{blue}}}.flow,.to,.plus{{stroke:{ink}}}.tip,.dot{{fill:{ink}}}"
        f".shortcut{{stroke:{blue}}}.learnt{{stroke:{orange}}}"
    )


STYLE = (
    "<style>text{font:11px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
    ".name{font-size:18px;font-weight:700}.section{font-weight:700;font-size:13px}.label{font-weight:600}"
    ".repeat{font-weight:700;font-size:13px}.middle{text-anchor:middle}.end{text-anchor:end}"
    "path{fill:none;stroke-width:1.2}.merge,.shortcut{stroke-width:1.6}.plus{stroke-width:1.6}"
    f"{_colours(0)}@media (prefers-color-scheme:dark){{{_colours(1)}}}</style>"
)
TIP = (
    '<defs><marker id="residuum-tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>'
)
