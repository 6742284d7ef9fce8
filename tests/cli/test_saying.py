"""Sentences and facts: whole on a pipe, broken between words on a terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from residuum.cli.saying import count_of, say, show_facts, span_of

FEATURES = ", ".join(f"avx512_part{number}" for number in range(20))
FACTS = [
    ("processor", "a processor"),
    ("can do", FEATURES),
    ("folder", "Österreichische Pinscher und 柴犬 (Shiba Inu), in einem Ordner, dessen Name lang ist, 柴犬柴犬柴犬"),
]


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Return a function that makes a terminal of a width and returns the lines that are shown then."""

    def lines(width, show):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))
        show()
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.parametrize("width", [40, 80, 120])
def test_facts_fit_the_terminal_and_no_word_is_broken(terminal, width):
    lines = terminal(width, lambda: show_facts(FACTS, 11))
    assert max(map(cell_len, lines)) <= width
    assert lines[0] == "  processor  a processor"
    assert " ".join(line[13:] for line in lines) == " ".join(fact for _, fact in FACTS)
    assert all(line[:13].strip() in ("", "processor", "can do", "folder") for line in lines)


def test_a_pipe_has_a_fact_in_one_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    show_facts(FACTS, 11)
    assert capsys.readouterr().out.splitlines() == [f"{name:>11}  {fact}" for name, fact in FACTS]


def test_a_word_longer_than_the_terminal_is_folded_and_empty_lines_stay(terminal):
    lines = terminal(30, lambda: say(f"\nlook at {'x' * 50}", "1. "))
    assert lines[0].strip() == "1." and max(map(cell_len, lines)) <= 30
    assert "".join(lines).count("x") == 50


def test_markup_and_percent_signs_are_printed_as_they_are(terminal):
    assert terminal(40, lambda: say("[bold]5 % of [a, b] [/bold]")) == ["[bold]5 % of [a, b] [/bold]"]


@pytest.mark.parametrize(
    ("least", "most", "thing", "said"),
    [(8, 8, "image", "8 images"), (1, 1, "image", "1 image"), (0, 1, "image", "0 to 1 image"),
     (1, 1200, "byte", "1 to 1,200 bytes"), (0, 0, "class", "0 classes")],
)  # fmt: skip
def test_a_range_of_one_is_a_number_and_one_thing_is_singular(least, most, thing, said):
    assert span_of(least, most, thing) == said
    assert count_of(1, thing) == f"1 {thing}"
