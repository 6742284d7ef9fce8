from __future__ import annotations

import re
import subprocess
import sys

import matplotlib
import pytest

from residuum.report.figures import confusion_matrix, curves
from residuum.report.style import LIGHT, ON_COLOUR, PALETTE, house_style, panels, png, svg


def example():
    return curves([{"epoch": e, "train_loss": 2 / e, "val_loss": 3 / e, "val_acc1": 50 + e} for e in (1, 2, 3)])


def test_the_same_data_give_the_same_bytes():
    assert png(example()) == png(example())
    assert svg(example(), "curves") == svg(example(), "curves")
    figure = example()
    assert png(figure) == png(figure), "drawing a figure changes it"


def test_the_bytes_do_not_depend_on_the_users_settings():
    before = png(example()), svg(example(), "curves")
    with matplotlib.rc_context(
        {"axes.linewidth": 5, "lines.markersize": 9, "font.size": 20, "savefig.dpi": 30, "svg.fonttype": "path"}
    ):
        after = png(example()), svg(example(), "curves")
    assert before == after


def test_drawing_leaves_the_users_settings_alone():
    before = dict(matplotlib.rcParams)
    png(example())
    assert dict(matplotlib.rcParams) == before


def test_files_hold_no_date_and_no_maker():
    assert not re.search(rb"tEXt|tIME|Software|matplotlib", png(example()))
    assert not re.search(r"metadata|dc:date|matplotlib\.org|<!DOCTYPE|<\?xml", svg(example(), "curves"))


def test_an_svg_follows_the_page():
    drawn = svg(confusion_matrix([[9, 1], [2, 8]], ["a", "b"]), "it's <alt>")  # type: ignore[arg-type]
    assert "var(--ink)" in drawn and "var(--muted)" in drawn
    assert not [colour for colour in LIGHT.values() if colour in drawn]
    assert ON_COLOUR in drawn
    assert "font-family" not in drawn and re.search(r"<text [^>]*>predicted</text>", drawn)
    assert 'aria-label="it&#x27;s &lt;alt&gt;"' in drawn


def test_identifiers_of_two_drawings_differ():
    def identifiers(drawing):
        return set(re.findall(r' id="([^"]+)"', drawing))

    one, other = svg(curves([{"epoch": 1, "val_loss": 1.0}]), "a"), svg(example(), "b")
    assert identifiers(one) and identifiers(other) and not identifiers(one) & identifiers(other)
    pointed_at = set(re.findall(r'(?:url\(|href=")#([^)"]+)', other))
    assert pointed_at == identifiers(other)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", sorted(set(PALETTE) - {"paper", "grid"}))
def test_every_colour_can_be_read_on_the_paper(name, theme):
    # WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1 for text.
    lighter, darker = sorted((luminance(PALETTE[which][theme]) for which in (name, "paper")), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_the_room_imports_nothing_heavy_and_never_pyplot():
    lines = (
        "import sys",
        "import residuum.report.run_page, residuum.report.study_page",
        "assert not {'matplotlib', 'numpy', 'PIL', 'torch'} & set(sys.modules), 'heavy at import'",
        "from residuum.report.style import png",
        "from residuum.report.figures import curves",
        "png(curves([{'epoch': 1, 'val_loss': 1.0}]))",
        "assert not {'matplotlib.pyplot', 'torch'} & set(sys.modules), 'pyplot or torch'",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("values, mark", [([1e-5, 1e3], "0.01"), ([0.2, 0.7], "0.3")])
def test_logarithmic_axes_are_marked_in_plain_numbers(values, mark):
    with house_style():
        figure, (ax,) = panels(1, 4, 3)
        ax.plot(values, values)
        ax.set_yscale("log")
    drawn = svg(figure, "a line")
    assert "mathdefault" not in drawn
    assert f">{mark}<" in drawn
