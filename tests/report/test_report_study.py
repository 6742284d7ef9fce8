from __future__ import annotations

import numpy as np

from residuum.report import page
from residuum.report.figures import Series, degradation
from residuum.report.study import Expected, study_page


def study(expected, figures=True):
    errors = np.array([[50.0, 20.0], [60.0, 30.0]])
    networks = [Series("plain-20", 20, "plain", errors, errors), Series("resnet-20", 20, "residual", errors, errors)]
    drawn = [page.figure(degradation(networks, [kind]), f"{kind} networks") for kind in ("plain", "residual")]
    return study_page(
        "Degradation",
        "Do deeper plain networks train worse?",
        "Yes, by 62 points <here>.",
        figures=drawn if figures else [],
        table=page.table(["Network", "Seed 0"], [("plain-20", "93.3")], "Every seed."),
        cost="2 minutes on 2 cores",
        repeat="residuum demo",
        expected=expected,
    )


def test_a_study_shows_question_answer_numbers_and_outcome(read_page):
    expected = [
        Expected("56 above 20", "He15 figure 6", "66 against 7 %", True),
        Expected("the reverse", "–", "no", False),
    ]
    root = read_page(study(expected))
    words = [p.text for p in root.all("p")]
    assert words.index("Do deeper plain networks train worse?") < words.index("Yes, by 62 points <here>.")
    assert [h.text for h in root.all("h2")] == [
        "What it looks like",
        "The numbers",
        "Held against the literature",
        "Do it again",
    ]
    assert [svg.attributes["aria-label"] for svg in root.all("svg")] == ["plain networks", "residual networks"]
    outcome = [[cell.text for cell in row.all("th") + row.all("td")] for row in root.all("table")[1].all("tr")]
    assert outcome == [
        ["Claim", "Published", "Here", "Outcome"],
        ["56 above 20", "He15 figure 6", "66 against 7 %", "✓ held"],
        ["the reverse", "–", "no", "✗ did not hold"],
    ]
    assert root.all("pre")[0].text == "residuum demo" and "2 minutes on 2 cores" in words


def test_a_study_without_figures_or_literature_leaves_these_out(read_page):
    root = read_page(study([], figures=False))
    assert [h.text for h in root.all("h2")] == ["The numbers", "Do it again"]
