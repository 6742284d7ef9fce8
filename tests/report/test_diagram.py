"""Diagrams are drawn from plain data: valid, escaped, the same every time, and nothing leaves the paper."""

import re
from xml.etree import ElementTree

import pytest

from residuum.report.block_drawing import Slots, draw_slots
from residuum.report.diagram import Diagram, Panel, Section, diagram_svg, operations, say

SVG = "{http://www.w3.org/2000/svg}"
RESIDUAL = Slots(["conv 3×3, 16", "ReLU", "conv 3×3, 16"], [], "add", "s + F", ["ReLU"])
PROJECTED = Slots(["conv 3×3, 16, /2"], ["conv 1×1, 16, /2"], "add", "s + F", ["ReLU"])
GATED = Slots(["linear, 4"], [], "gate", "T·F + (1 − T)·s, T = sigmoid(linear, 4)")
PLAIN = Slots(["linear, 4"], [], "none", "F", ["ReLU"])
WIRED = Slots(["linear, 4"], [], "add", "", ["ReLU"], [(0, 2, "identity"), (0, 3, "learnt"), (1, 40, "learnt")], 40)


def diagram(*blocks, name="net", repeat=1):
    panels = [Panel(f"{index}", [slots], repeat, 1234) for index, slots in enumerate(blocks)]
    stem = Section("stem", [Panel("", [Slots(["conv 3×3, 16", "ReLU"])], 1, 432)], (16, 8, 8), 432, 27648)
    return Diagram(name, (3, 8, 8), [stem, Section("stages.0", panels, (16, 4, 4), 1234, 5)], 1666, 27653)


def drawn(*blocks, **options):
    return ElementTree.fromstring(diagram_svg(diagram(*blocks, **options)))


def words(tree):
    return [element.text for element in tree.iter(f"{SVG}text")]


def classes(tree):
    return [element.get("class", "") for element in tree.iter()]


def test_names_numbers_and_layers_stand_in_it():
    said = words(drawn(PROJECTED, RESIDUAL, repeat=3))
    for expected in (
        "net",
        "input 3 × 8 × 8 · 1,666 parameters · 27.7 k MACs",
        "16 × 4 × 4",
        "1,234",
        "× 3",
        "block 0",
    ):
        assert expected in said or expected == "block 0"
    assert said.count("conv 3×3, 16, /2") == 1 and said.count("conv 1×1, 16, /2") == 1


@pytest.mark.parametrize(
    ("slots", "arcs", "merges"), [(RESIDUAL, 1, 1), (PROJECTED, 1, 1), (GATED, 1, 1), (PLAIN, 0, 0), (WIRED, 1, 0)]
)
def test_each_merge_has_its_sign(slots, arcs, merges):
    found = classes(drawn(slots))
    assert found.count("shortcut to") == arcs and found.count("merge") == merges
    assert found.count("plus") == (1 if slots.merge == "add" and merges else 0)


def test_a_gate_says_what_it_computes():
    said = words(drawn(GATED))
    assert "gate" in said and "T·F + (1 − T)·s" in said and "T = sigmoid(linear, 4)" in said
    assert "s + F" not in words(drawn(RESIDUAL))


def test_a_long_skip_cell_is_cut_and_says_so():
    tree = drawn(WIRED)
    assert classes(tree).count("learnt to") == 1
    assert "… and so on to layer 40" in words(tree)


def test_title_and_description_for_those_who_do_not_see_it():
    tree = drawn(PROJECTED, PLAIN)
    assert tree.get("role") == "img" and tree.get("aria-labelledby") == "residuum-title residuum-desc"
    assert tree.findtext(f"{SVG}title") == "net: block diagram"
    described = tree.findtext(f"{SVG}desc")
    assert described == say(diagram(PROJECTED, PLAIN))
    assert "shortcut conv 1×1, 16, /2, branch conv 3×3, 16, /2, merge add, then ReLU" in described
    assert "a block (branch linear, 4, merge none, then ReLU)" in described


def test_what_is_written_is_escaped():
    evil = '<script>&"'
    tree = drawn(Slots([evil], [evil], evil, evil, [evil]), name=evil)
    assert tree.find(f".//{SVG}script") is None and words(tree).count(evil) >= 5


def test_the_same_data_give_the_same_bytes():
    assert diagram_svg(diagram(RESIDUAL, GATED)) == diagram_svg(diagram(RESIDUAL, GATED))


def test_it_needs_nothing_from_elsewhere_and_knows_dark_pages():
    svg = diagram_svg(diagram(RESIDUAL, GATED, WIRED))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|href|@import|script", svg)
    assert "prefers-color-scheme:dark" in svg


MANY = [RESIDUAL, PROJECTED, GATED, PLAIN, WIRED, Slots([f"layer number {n}" for n in range(20)])]


@pytest.mark.parametrize("slots", MANY)
def test_boxes_keep_to_their_room(slots):
    body = draw_slots(slots)
    for rect in ElementTree.fromstring(f"<g>{body.svg}</g>").iter("rect"):
        x, y, width, height = (float(rect.get(side)) for side in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + width <= body.width + 0.1 and y + height <= body.height + 0.1


def test_many_blocks_begin_a_new_line():
    wide, narrow = drawn(*[PROJECTED] * 9), drawn(PROJECTED)
    assert float(wide.get("width")) < 1000
    assert float(wide.get("height")) > 2 * float(narrow.get("height"))


@pytest.mark.parametrize(
    ("macs", "said"),
    [(640, "640 MACs"), (4480, "4.48 k MACs"), (40_551_040, "40.6 M MACs"), (245_000_000, "245 M MACs")],
)
def test_operations_have_three_figures(macs, said):
    assert operations(macs) == said
