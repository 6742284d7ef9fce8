from __future__ import annotations

from dataclasses import replace

import pytest

from residuum.errors import InputError
from residuum.report.page import page
from residuum.report.reliability import ReliabilityCurve, calibration_section, reliability_diagram
from residuum.report.style import png
from residuum_runtime.intervals import wilson_interval

NAN = float("nan")
BEFORE = ReliabilityCurve("as it is", [0, 20, 0, 180], [NAN, 0.4, NAN, 0.97], [NAN, 0.5, NAN, 0.8], 16.3)
AFTER = ReliabilityCurve("at temperature 2.00", [0, 50, 50, 100], [NAN, 0.4, 0.6, 0.85], [NAN, 0.44, 0.6, 0.86], 1.5)


def test_a_point_is_a_bin_with_its_interval():
    main, below = reliability_diagram([BEFORE, AFTER]).axes
    lines = {line.get_label(): line for line in main.lines}
    drawn = lines["as it is: ECE 16.30 %"]
    assert list(drawn.get_xdata()) == [0.4, 0.97]
    assert list(drawn.get_ydata()) == [0.5, 0.8]
    low, high = wilson_interval(144, 180)
    ends = main.collections[0].get_segments()[1]
    assert ends[0].tolist() == pytest.approx([0.97, low]) and ends[1].tolist() == pytest.approx([0.97, high])
    assert list(lines["at temperature 2.00: ECE 1.50 %"].get_ydata()) == [0.44, 0.6, 0.86]
    heights = [bar.get_height() for bar in below.patches]
    assert heights == pytest.approx([0, 0.1, 0, 0.9, 0, 0.25, 0.25, 0.5])


def test_the_two_curves_differ_in_colour_and_marker():
    main = reliability_diagram([BEFORE, AFTER]).axes[0]
    one, two = main.lines[1:]
    assert one.get_color() != two.get_color() and one.get_marker() != two.get_marker()


def test_bars_of_a_bin_stand_within_it():
    below = reliability_diagram([BEFORE, AFTER]).axes[1]
    for number, bar in enumerate(below.patches):
        low = number % 4 / 4
        assert low <= bar.get_x() and bar.get_x() + bar.get_width() <= low + 0.25 + 1e-9


def test_the_same_curves_give_the_same_picture():
    assert png(reliability_diagram([BEFORE])) == png(reliability_diagram([BEFORE]))


def test_the_section_holds_every_bin(read_page):
    root = read_page(page("A page", [calibration_section([BEFORE, AFTER], "What <it> came to.")]))
    rows = [[cell.text for cell in row.all("th") + row.all("td")] for row in root.all("table")[0].all("tr")[1:]]
    assert len(rows) == 8
    assert rows[0] == ["0.00 to 0.25", "as it is", "0", "–", "–"]
    assert rows[3] == ["0.75 to 1.00", "as it is", "180", "97.0 %", "80.0 %"]
    assert "What <it> came to." in root.text


def test_what_cannot_be_drawn():
    with pytest.raises(InputError, match="holds one or two curves, got 0"):
        reliability_diagram([])
    with pytest.raises(InputError, match="holds one or two curves, got 3"):
        reliability_diagram([BEFORE] * 3)
    for wrong in (replace(BEFORE, accuracy=[0.5]), replace(BEFORE, pictures=[0, 0, 0, 0])):
        with pytest.raises(InputError, match="as it is: a curve needs images, and as many confidences"):
            reliability_diagram([wrong])


@pytest.mark.parametrize("name", ["at temperature 1e+03", "at temperature 0.00123", "in bf16, averaged over ten crops"])
def test_the_legend_lies_within_the_figure(name):
    figure = reliability_diagram([BEFORE, replace(AFTER, name=name)])
    figure.draw_without_rendering()
    legend = figure.axes[0].get_legend().get_window_extent()
    assert figure.bbox.x0 <= legend.x0 and legend.x1 <= figure.bbox.x1 and legend.y1 <= figure.bbox.y1
