"""The report in real Chromium: figures drawn, nothing asked of a network, nothing said, no sideways scrolling."""

import numpy as np
import pytest
from browser import CHROMIUM, open_page

from residuum.report.lines import Line, Panel, line_panel
from residuum.report.maps import surface, turning_surface
from residuum.report.plots import line_plot
from residuum.report.run_page import RunData, run_report
from residuum.report.study_page import Drawing, Finding, StudyData, Table, study_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed (apt-get install chromium)")


def study(title="Degradation", interactive=True):
    lines = [Line("plain-56", [1, 2, 3], [[80, 70, 60], [85, 75, 66]], "vermilion"),
             Line("residual-56", [1, 2, 3], [[50, 30, None]], "blue", dashed=True)]  # fmt: skip
    panel = Panel("Error", "epoch", "error, %", lines, level=(90.0, "guessing"))
    axis = [-1.0, 0.0, 1.0]
    heights = (np.array(axis)[:, None] ** 2 + np.array(axis) ** 2).tolist()
    words = {"title": "Landscape", "label": "loss", "top": 3.0}
    return StudyData(
        title,
        "Does a deeper plain network train worse? " * 3,
        "Yes, by 62 points.",
        drawings=[
            Drawing("error", line_panel(panel), "error by epoch", "Means.", line_plot(panel) if interactive else None),
            Drawing("flat", line_panel(panel), "the same, static"),
            Drawing("landscape", surface(axis, heights, **words), "a surface", "",
                    turning_surface(axis, heights, **words) if interactive else None),
        ],
        tables=[Table(["network", *(f"seed {n}" for n in range(12))], [["plain-56", *["12.3 / 45.6"] * 12]], "All.")],
        findings=[Finding("A long claim about networks", "He15 figure 6", "62 (51 to 73) points", "shown")],
        cost="12 runs",
        repeat="residuum study degradation --data cifar10 --depths 20,32,44,56 --seeds 3 --epochs 5 --precision fp32",
        settings={"data": "a/very/long/path/" * 9},
    )  # fmt: skip


@pytest.mark.parametrize("width", [400, 1100])
def test_a_page_of_studies_works_on_a_phone_and_on_a_desk(width, tmp_path):
    seen = open_page(study_page([study(), study("Again", interactive=False)]), tmp_path, width)
    assert seen.said == []
    assert seen.facts["title"] == "Studies" and width - 20 <= seen.facts["width"] <= width  # less the bar that scrolls
    assert seen.facts["scroll"] <= seen.facts["width"], "the page scrolls sideways"
    assert seen.facts["drawn"] == seen.facts["plots"] == 2
    assert all(count > 0 for count in seen.facts["paths"]), seen.facts
    assert len(seen.facts["pictures"]) == 4 and all(height > 100 for height in seen.facts["pictures"])


NAMES = ["Golden Retriever (adult)", "Österreichischer Pinscher – jung", "柴犬 (Shiba Inu)", "dog"]


@pytest.mark.parametrize("width", [900, 1280])
def test_the_table_of_confusions_is_whole_beside_the_matrix_or_below_it(width, tmp_path):
    counts = np.full((4, 4), 3) + np.diag([30, 2, 9, 11])
    page = run_report(RunData("Photos", {"data": "photos"}, [], NAMES, counts))
    seen = open_page(page, tmp_path, width)
    assert (seen.facts["cut"], seen.said) == (0, []) and seen.facts["scroll"] <= seen.facts["width"]


def test_the_harness_sees_what_goes_wrong(tmp_path):
    page = study_page([study(interactive=False)])
    broken = page.replace("<main>", "<main><script>nothing.here()</script><img src='https://example.org/x.png'>"
                          "<div style='width:900px'>wide</div>")  # fmt: skip
    seen = open_page(broken, tmp_path, 400)
    assert len(seen.said) >= 2 and all("Content Security Policy" in line for line in seen.said)
    assert seen.facts["scroll"] >= 900


def test_a_plot_holds_the_numbers_of_its_lines():
    line = Line("plain-56", [1, 2], [[80, None], [90, 70]], "vermilion")
    plot = line_plot(Panel("Error", "epoch", "%", [line], top=100.0))
    shade, mean = plot["data"]
    assert mean["y"] == [85.0, None] and shade["y"] == [90.0, None, None, 80.0] and shade["x"] == [1, 2, 2, 1]
    assert mean["line"]["color"] == shade["fillcolor"] == "var(--vermilion)"
    assert plot["layout"]["yaxis"]["range"] == [0, 100.0]
    assert line_plot(Panel("E", "x", "y", [line]), log_y=True)["layout"]["yaxis"]["type"] == "log"
