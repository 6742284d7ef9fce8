"""Draw one block in its familiar form: the branch down the left, the shortcut's arc on the right, the merge below.

Written by hand as SVG; every length is in pixels, and a letter counts as 6.3 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LETTER = 6.3  # of 11 pixel letters, on the wide side
LAYER, SMALL, GAP = 22, 17, 8  # heights of a layer with weights, of one without, and the line between two
LANE = 26  # from the branch to a shortcut that is only a line
PLAIN = ("", "F", "s + F", "[s, F]")  # formulas that the drawing itself shows
MOST_ARCS = 12  # layers of a skip cell that are drawn
WEIGHTED = ("conv", "linear", "attention", "words", "squeeze", "times", "g =")


@dataclass(frozen=True)
class Slots:
    """What fills a block's slots.

    Args:
        branch: the layers in order, in a few words each.
        shortcut: the layers on the shortcut; none is the identity.
        merge: "add", "gate", "concatenate", "none", another word, or "" for a row of layers alone.
        formula: of the merge.
        activation: the layers behind the merge.
        skips: source, target and kind ("identity" or other) of each skip among the layers of a skip cell.
        depth: layers of a skip cell, else 0.
    """

    branch: Sequence[str]
    shortcut: Sequence[str] = ()
    merge: str = ""
    formula: str = ""
    activation: Sequence[str] = ()
    skips: Sequence[tuple[int, int, str]] = ()
    depth: int = 0


@dataclass(frozen=True)
class Drawing:
    """SVG elements, and their extent from (0, 0)."""

    width: float
    height: float
    svg: str


def draw_slots(slots: Slots) -> Drawing:
    """Draw a block, a skip cell, or a row of layers."""
    if slots.depth:
        return _skip_cell(slots)
    return _block(slots) if slots.merge else _row(slots.branch)


def number(value: float) -> str:
    """Return a length as the file writes it."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a line of escaped text of that class."""
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{number(x)}" y="{number(y)}"{name}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str, radius: float = 3) -> str:
    """Return a rectangle of that class."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" '
        f'rx="{number(radius)}" class="{kind}"/>'
    )


def line(path: str, kind: str = "flow") -> str:
    """Return a path of that class; arrows are classes ending in "to"."""
    tip = ' marker-end="url(#residuum-tip)"' if kind.endswith("to") else ""
    return f'<path d="{path}" class="{kind}"{tip}/>'


def text_width(words: Sequence[str], least: float = 0) -> float:
    """Return the width that the longest of the words takes."""
    return max([least, *(LETTER * len(word) for word in words)])


def layer_height(words: str) -> int:
    """Return a layer's height."""
    return LAYER if words.startswith(WEIGHTED) else SMALL


def layer_box(x: float, y: float, width: float, words: str) -> str:
    """Return a layer as a box with its words in the middle."""
    height = layer_height(words)
    kind = "weighted" if height == LAYER else "light"
    return box(x, y, width, height, kind) + text(x + width / 2, y + height / 2 + 4, words, "middle")


def _stack(words: Sequence[str], x: float, y: float, width: float) -> tuple[str, float]:
    """Draw layers below each other, joined by lines; return them and the end of the last one."""
    drawn = []
    for index, layer in enumerate(words):
        if index:
            drawn.append(line(f"M{number(x + width / 2)} {number(y)}v{GAP}"))
            y += GAP
        drawn.append(layer_box(x, y, width, layer))
        y += layer_height(layer)
    return "".join(drawn), y


def _height(words: Sequence[str]) -> float:
    return sum(map(layer_height, words)) + GAP * max(0, len(words) - 1)


def _row(words: Sequence[str], most: float = 560) -> Drawing:
    """Draw layers from left to right, in lines of at most ``most`` pixels."""
    drawn, x, y, right = [], 0.0, 0.0, 0.0
    for index, layer in enumerate(words):
        width = text_width([layer]) + 14
        if index and x + GAP * 2 + width > most:
            x, y = 0.0, y + LAYER + GAP
        elif index:
            drawn.append(line(f"M{number(x + 2)} {number(y + LAYER / 2)}h{GAP * 2 - 5}", "to"))
            x += GAP * 2
        drawn.append(layer_box(x, y + (LAYER - layer_height(layer)) / 2, width, layer))
        x += width
        right = max(right, x)
    return Drawing(right, y + LAYER, "".join(drawn))


def _block(slots: Slots) -> Drawing:
    width = text_width([*slots.branch, *slots.activation, slots.merge], least=84) + 16
    centre, fork, top = width / 2, 8, 20
    branch, bottom = _stack(slots.branch, 0, top, width)
    merged = slots.merge != "none"
    carried = _height(slots.shortcut)
    bottom = max(bottom, top + carried)
    joint = bottom + 20
    drawn = [line(f"M{number(centre)} 0V{top - 2}", "to"), branch]
    side = text_width(slots.shortcut) + 16 if slots.shortcut else 0
    lane = width + (14 + side / 2 if side else LANE)
    branch_end = top + _height(slots.branch)
    if merged:
        drawn += [
            line(f"M{number(centre)} {number(branch_end)}V{number(joint - 11)}", "to"),
            f'<circle cx="{number(centre)}" cy="{fork}" r="2.5" class="dot"/>',
            _arc(centre, lane, fork, joint, slots.merge),
            _stack(slots.shortcut, lane - side / 2, (top + bottom - carried) / 2, side)[0],
            _merge(slots.merge, centre, joint),
        ]
        y = joint + 9
    else:
        y = branch_end
    if slots.activation:
        drawn.append(line(f"M{number(centre)} {number(y)}v{GAP}"))
        more, y = _stack(slots.activation, 0, y + GAP, width)
        drawn.append(more)
    drawn.append(line(f"M{number(centre)} {number(y)}v12", "to"))
    right = (lane + max(side / 2, 2)) if merged else width
    return _with_formula(Drawing(right, y + 16, "".join(drawn)), slots)


def _arc(centre: float, lane: float, fork: float, joint: float, merge: str) -> str:
    """Draw the shortcut from the fork, down its lane, into the merge."""
    edge = centre + _half(merge) + 3
    path = f"M{number(centre)} {fork}H{number(lane - 10)}q10 0 10 10V{number(joint - 10)}q0 10 -10 10H{number(edge)}"
    return line(path, "shortcut to")


def _half(merge: str) -> float:
    return 9 if merge == "add" else text_width([merge]) / 2 + 7


def _merge(merge: str, x: float, y: float) -> str:
    if merge == "add":
        cross = line(f"M{number(x - 5)} {number(y)}h10M{number(x)} {number(y - 5)}v10", "plus")
        return f'<circle cx="{number(x)}" cy="{number(y)}" r="9" class="merge"/>{cross}'
    half = _half(merge)
    return box(x - half, y - 9, 2 * half, 18, "merge", 9) + text(x, y + 4, merge, "middle")


def _with_formula(block: Drawing, slots: Slots) -> Drawing:
    """Write the merge's formula below the block, if it is more than the sum."""
    if slots.formula in PLAIN:
        return block
    lines = slots.formula.replace(", C =", "\nC =").replace(", T =", "\nT =").split("\n")
    drawn = [text(0, block.height + 12 + 14 * index, words, "muted") for index, words in enumerate(lines)]
    height = block.height + 4 + 14 * len(lines)
    return Drawing(max(block.width, text_width(lines)), height, block.svg + "".join(drawn))


def _skip_cell(slots: Slots) -> Drawing:
    """Draw the layers of an explicit skip matrix below each other, and every skip as an arc."""
    shown, step = min(slots.depth, MOST_ARCS), 30
    own = [*slots.branch, *slots.activation]
    width = text_width([f"00: {', '.join(own)}"], least=84) + 16
    arcs = [skip for skip in slots.skips if skip[1] <= shown]
    drawn = [_skip(source, target, kind, width, step) for source, target, kind in arcs]
    for layer in range(shown + 1):
        y = layer * step
        words = f"{layer}: {', '.join(own)}" if layer else "0: the stem’s output"
        drawn.append(box(0, y, width, SMALL + 2, "weighted" if layer else "light") + text(8, y + 14, words))
        if layer:
            drawn.append(line(f"M{number(width / 2)} {y - step + SMALL + 2}v{step - SMALL - 4}", "to"))
    height = shown * step + LAYER + 6
    if shown < slots.depth:
        drawn.append(text(8, height + 10, f"… and so on to layer {slots.depth}", "muted"))
        height += 20
    reach = max([8, *(_bulge(target - source) for source, target, _ in arcs)])
    return _with_formula(Drawing(width + reach, height, "".join(drawn)), slots)


def _bulge(span: int) -> float:
    return 10 + 11 * span


def _skip(source: int, target: int, kind: str, x: float, step: int) -> str:
    start, end, reach = source * step + 14, target * step + 6, x + _bulge(target - source) * 4 / 3 - 4
    path = f"M{number(x)} {start}C{number(reach)} {start} {number(reach)} {end} {number(x + 3)} {end}"
    return line(path, "shortcut to" if kind == "identity" else "learnt to")
