from __future__ import annotations

import dataclasses
import html

import numpy as np
import pytest

from residuum.report.figures import Series, degradation
from residuum.report.lines import Line, Panel, line_panel
from residuum.report.page import Markup
from residuum.report.plots import line_plot
from residuum.report.study_page import Drawing, Finding, StudyData, Table, study_page


def study(findings=(), figures=True, **more):
    errors = np.array([[50.0, 20.0], [60.0, 30.0]])
    networks = [Series("plain-20", 20, "plain", errors, errors), Series("resnet-20", 20, "residual", errors, errors)]
    drawn = [Drawing(kind, degradation(networks, [kind]), f"{kind} networks") for kind in ("plain", "residual")]
    return StudyData(
        "Degradation",
        "Do deeper plain networks train worse?",
        "Yes, by 62 points <here>.",
        drawings=drawn if figures else [],
        tables=[Table(["Network", "Seed 0"], [("plain-20", "93.3")], "Every seed.")],
        findings=findings,
        cost="2 minutes on 2 cores",
        repeat="residuum demo",
        **more,
    )


def test_a_study_shows_question_answer_numbers_and_outcome(read_page):
    findings = [
        Finding("56 above 20", "He15 figure 6", "66 against 7 %", "shown"),
        Finding("the reverse", "–", "no", "opposite shown", matters="2 points: a table"),
        Finding("none", "–", "0 (-1 to 1)", "no effect larger than", limit="1 point"),
        Finding("more", "–", "0 (-9 to 9)", "too weak to say"),
    ]
    root = read_page(study_page([study(findings, notes=["It took fewer pictures."], settings={"seeds": "3"})]))
    words = [p.text for p in root.all("p")]
    assert words.index("Do deeper plain networks train worse?") < words.index("Yes, by 62 points <here>.")
    assert [h.text for h in root.all("h2")] == [
        "Figures",
        "Compared with the literature",
        "The numbers",
        "How to repeat it",
    ]
    assert [svg.attributes["aria-label"] for svg in root.all("svg")] == ["plain networks", "residual networks"]
    outcome = [[cell.text for cell in row.all("th") + row.all("td")] for row in root.all("table")[0].all("tr")]
    assert outcome == [
        ["Claim", "Published", "Smallest effect that matters", "Here", "Verdict"],
        ["56 above 20", "He15 figure 6", "", "66 against 7 %", "✓ shown"],
        ["the reverse", "–", "2 points: a table", "no", "✗ opposite shown"],
        ["none", "–", "", "0 (-1 to 1)", "≈ no effect larger than 1 point"],
        ["more", "–", "", "0 (-9 to 9)", "? too weak to say"],
    ]
    assert root.all("pre")[0].text == "residuum demo" and "2 minutes on 2 cores" in words
    assert root.all("li")[0].text == "It took fewer pictures."
    assert "script" not in study_page([study(findings)]).replace("no script", "")


def test_a_study_without_figures_or_literature_leaves_these_out(read_page):
    root = read_page(study_page([study(figures=False)]))
    assert [h.text for h in root.all("h2")] == ["The numbers", "How to repeat it"]


def test_several_studies_stand_below_one_another(read_page):
    root = read_page(study_page([study(), study(figures=False)]))
    assert [h.text for h in root.all("h2")] == ["Degradation", "Degradation"]
    assert [h.text for h in root.all("h3")][-2:] == ["The numbers", "How to repeat it"]
    assert [cell.text for cell in root.all("table")[0].all("td")] == ["Yes, by 62 points <here>."] * 2


@pytest.mark.parametrize("installed", [True, False], ids=["with plotly", "without"])
def test_without_plotly_the_drawing_stands_and_a_sentence_says_how_to_turn_it(installed, read_page, monkeypatch):
    """With it the figure's numbers and the script stand on the page, without it the SVG, and no script may run."""
    monkeypatch.setattr("residuum.report.study_page.can_move", lambda: installed)
    monkeypatch.setattr("residuum.report.study_page.plotly_script", lambda: Markup("<script>Plotly</script>"))
    panel = Panel("Error", "epoch", "%", [Line("plain", [1, 2], [[8, 7]], "blue")])
    drawing = Drawing("error", line_panel(panel), "error by epoch", "Means.", line_plot(panel))
    text = study_page([dataclasses.replace(study(figures=False), drawings=[drawing])])
    assert ("<script>Plotly</script>" in text) == installed and ("script-src" in text) == installed
    assert ("pip install 'residuum[interactive]'" in html.unescape(text)) == (not installed)
    assert ('<div class="plot"' in text) == installed
    assert "error by epoch" in text and "<svg" in text, "which a reader without scripts sees in both"


def test_a_page_without_such_figures_says_nothing_of_plotly(monkeypatch):
    monkeypatch.setattr("residuum.report.study_page.can_move", lambda: False)
    assert "plotly" not in study_page([study()])
