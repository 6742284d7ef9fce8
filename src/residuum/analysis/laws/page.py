"""The page of the laws: statement, source, both sides on every network, and figure of each."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...report import page
from . import LAWS, signal
from .outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LawOutcome = tuple[str, str, Outcome]  # law, network, what came of it

PICTURES = {"5 scaling": "scaling", "6 paths": "paths", "7 signal": "signal"}
ALTS = {
    "scaling": "The direct term over blocks, a line for each scale of the shortcut: flat only at 1.",
    "paths": "Share of the gradient through paths of each length, a line for each network.",
    "signal": "Size and correlation of gradients over depth: plain and residual stacks, with and without batch norm.",
}
COLUMNS = ("network", "left side", "right side", "difference", "verdict")


def laws_page(rows: Sequence[LawOutcome], figures: Mapping[str, Figure], summary: str, answer: str) -> str:
    """Return the page.

    Args:
        rows: the outcomes.
        figures: by name, as ``law_figures`` draws them.
        summary: the number of laws that hold.
        answer: law 7 in numbers.
    """
    sections = [page.opening(page.lead(summary), page.paragraph(answer))]
    for law in dict.fromkeys(law for law, _, _ in rows):
        cells = table_of([row for row in rows if row[0] == law])
        parts = [page.paragraph(paragraph) for paragraph in statement(law)]
        name = PICTURES.get(law, "")
        if name in figures:
            parts.append(page.figure(figures[name], ALTS[name]))
        words = "Both sides, and their largest difference relative to the largest term (law 7: as it is)."
        parts.append(page.table(COLUMNS, [cell[1:] for cell in cells], words))
        sections.append(page.section(f"Law {law}", *parts))
    return page.page("Laws of residual networks", sections, kind="Laws")


def statement(law: str) -> list[str]:
    """Return the paragraphs that state a law, as its function's docstring has them."""
    text = signal.__doc__ if law.startswith("7") else LAWS[law].__doc__
    paragraphs = inspect.cleandoc(text or "").replace("``", "").split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs]


def table_of(rows: Sequence[LawOutcome]) -> list[list[str]]:
    """Return the cells; networks that a law does not speak of for the same reason share a row."""
    silent: dict[tuple[str, str], list[str]] = {}
    for law, network, outcome in rows:
        if not outcome.applies:
            silent.setdefault((law, outcome.why), []).append(network)
    cells: list[list[str]] = []
    for law, network, outcome in rows:
        if outcome.applies:
            verdict = "holds" if outcome.holds else f"does not hold (limit {outcome.limit:.2g})"
            cells.append([law, network, outcome.left, outcome.right, f"{outcome.difference:.1e}", verdict])
        elif networks := silent.pop((law, outcome.why), []):
            cells.append([law, ", ".join(networks), "", "", "", f"does not apply: {outcome.why}"])
    return cells
