"""The page of a study: a question, its answer, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import page
from .interactive import can_move, interactive_figure, plotly_script

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN, OPPOSITE, NO_LARGER, TOO_WEAK = "shown", "opposite shown", "no effect larger than", "too weak to say"
MARKS = {SHOWN: "✓", OPPOSITE: "✗", NO_LARGER: "≈", TOO_WEAK: "?"}
HOW_JUDGED = (
    "A claim is shown where the whole 95 % interval of its effect lies on the claimed side, and the opposite is shown "
    'where it lies on the other. An interval on both sides says "no effect larger than X" if it excludes the smallest '
    "effect that would matter on either side; a wider one is too weak to say. Each interval stands for itself: of "
    "twenty, one misses by chance."
)
STILL = (
    "Some of these figures can be turned and queried where the package plotly is installed: "
    "pip install 'residuum[interactive]', then `residuum report` with this study's folder makes the page again."
)


@dataclass(frozen=True)
class Finding:
    """A claim, its measured effect and its verdict.

    Args:
        claim: the expectation, in a sentence.
        published: the figure in the literature with its source, or a dash.
        ours: the effect measured here, with its interval.
        verdict: SHOWN, OPPOSITE, NO_LARGER or TOO_WEAK.
        limit: with NO_LARGER, the largest effect that the interval leaves possible, with its unit.
        matters: the smallest effect that would matter, with its unit and source.
        least: the same as a number.
        half: half the width of the interval; None where a single run leaves it unbounded.
        seeds: differences by seed that the interval comes from; 0 where it comes from images or blocks of one network.
    """

    claim: str
    published: str
    ours: str
    verdict: str
    limit: str = ""
    matters: str = ""
    least: float = 0.0
    half: float | None = None
    seeds: int = 0

    @property
    def words(self) -> str:
        """The verdict as a reader sees it: its mark, its name, and the limit of an effect that is at most small."""
        return " ".join(filter(None, (MARKS[self.verdict], self.verdict, self.limit)))


@dataclass(frozen=True)
class Drawing:
    """A figure of a study.

    Args:
        name: of its files, without a suffix.
        figure: as it is drawn on paper; written as PNG and SVG.
        alt: what one would see, for those who do not.
        caption: what a reader must know to read it.
        interactive: the same as a plotly figure {"data": ..., "layout": ...}, where looking needs it (3-D, many lines);
            its colours may be ``var(--blue)``. A page shows it in place of ``figure`` where plotly is installed.
    """

    name: str
    figure: Figure
    alt: str
    caption: str = ""
    interactive: dict[str, Any] | None = None


@dataclass(frozen=True)
class Table:
    """The numbers, with their seeds.

    Args:
        header: names of the columns.
        rows: as text.
        caption: a description of the numbers.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str


@dataclass(frozen=True)
class StudyData:
    """The content of a study's page.

    Args:
        title: the study's name.
        question: of the study.
        answer: the result, in a sentence.
        drawings: figures.
        tables: the numbers.
        findings: published figures beside ours.
        cost: of a repetition.
        repeat: the command.
        notes: caveats: how the study fitted its budget, what it left out.
        settings: of training or measurement, by name.
    """

    title: str
    question: str
    answer: str
    drawings: Sequence[Drawing]
    tables: Sequence[Table]
    findings: Sequence[Finding]
    cost: str
    repeat: str
    notes: Sequence[str] = field(default_factory=tuple)
    settings: Mapping[str, str] = field(default_factory=dict)


def study_page(studies: Sequence[StudyData]) -> str:
    """Return one study, or several below one another, as one HTML page."""
    wanted = any(drawing.interactive for study in studies for drawing in study.drawings)
    moving = wanted and can_move()
    script = [plotly_script()] if moving else [page.paragraph(STILL)] if wanted else []
    if len(studies) == 1:
        return page.page(studies[0].title, [*_parts(studies[0]), *script], kind="Study", scripted=moving)
    rows = [(study.title, study.answer) for study in studies]
    overview = page.opening(page.table(["Study", "Answer"], rows, "The question and the result of each study."))
    sections = [page.section(study.title, *_parts(study, nested=True)) for study in studies]
    return page.page("Studies", [overview, *sections, *script], kind="Report", scripted=moving)


def _parts(study: StudyData, *, nested: bool = False) -> list[page.Markup]:
    """Return the parts of a study, each under a heading one level below the study's own."""

    def under(heading: str, *parts: str) -> list[page.Markup]:
        inner = [page.Markup(part) for part in parts if part]
        if not inner:
            return []
        return [page.heading(heading), *inner] if nested else [page.section(heading, *inner)]

    verdicts = [(f.claim, f.published, f.matters, f.ours, f.words) for f in study.findings]
    header = ["Claim", "Published", "Smallest effect that matters", "Here", "Verdict"]
    compared = (
        page.table(header, verdicts, "The literature's claims beside the effects measured here.") if verdicts else ""
    )
    return [
        page.opening(page.paragraph(study.question), page.lead(study.answer)),
        *under("Figures", page.figures(*map(_figure, study.drawings)) if study.drawings else ""),
        *under("Compared with the literature", *([compared, page.paragraph(HOW_JUDGED)] if compared else [])),
        *under("The numbers", *(page.table(table.header, table.rows, table.caption) for table in study.tables)),
        *under(
            "How to repeat it",
            page.paragraph(study.cost),
            page.command(study.repeat),
            page.bullets(study.notes) if study.notes else "",
            page.folded("All settings", page.facts(study.settings)) if study.settings else "",
        ),
    ]


def _figure(drawing: Drawing) -> page.Markup:
    if drawing.interactive is None or not can_move():
        return page.figure(drawing.figure, drawing.alt, drawing.caption)
    return interactive_figure(drawing.interactive, drawing.figure, drawing.alt, drawing.caption)
