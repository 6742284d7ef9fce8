"""The page of a study: a question, its answer, and all that is needed to doubt it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import page


@dataclass(frozen=True)
class Expected:
    """One expectation of the study and what became of it.

    Args:
        claim: what should hold, in a sentence.
        published: the figure in the literature with its source, or a dash.
        ours: what was measured here.
        held: whether the claim held.
    """

    claim: str
    published: str
    ours: str
    held: bool


def study_page(
    title: str,
    question: str,
    answer: str,
    *,
    figures: Sequence[page.Markup],
    table: page.Markup,
    cost: str,
    repeat: str,
    expected: Sequence[Expected],
) -> str:
    """Return the study as one HTML page.

    Args:
        title: the study's name.
        question: what was asked, a sentence.
        answer: what the numbers say, a sentence.
        figures: made by ``page.figure``.
        table: made by ``page.table``: the numbers of every seed.
        cost: what a repetition takes, "12 runs of 15 epochs: 2 minutes on 2 cores".
        repeat: the command.
        expected: published figures beside ours.
    """
    verdicts = [(e.claim, e.published, e.ours, "✓ held" if e.held else "✗ did not hold") for e in expected]
    words = "What the literature says and what was found."
    comparison = page.table(["Claim", "Published", "Here", "Outcome"], verdicts, words)
    shown = [page.section("What it looks like", page.figures(*figures))] if figures else []
    checked = [page.section("Held against the literature", comparison)] if expected else []
    return page.page(
        title,
        [
            page.opening(page.paragraph(question), page.lead(answer)),
            *shown,
            page.section("The numbers", table),
            *checked,
            page.section("Do it again", page.paragraph(cost), page.command(repeat)),
        ],
        kind="Study",
    )
