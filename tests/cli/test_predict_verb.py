"""``residuum predict`` and ``residuum-runtime predict`` over many images: answers as they come, damage named."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from residuum import create_model, save
from residuum.cli import app
from residuum.models import Description, Preprocessing, attach
from residuum.settings import Settings
from residuum_runtime import showing
from residuum_runtime.predictions import Prediction, Unread
from residuum_runtime.reading import MAX_PIXELS


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A weights file and a folder with sound, damaged and hidden files."""
    model = create_model("cifar_resnet", depth=8, num_classes=3)
    preprocessing = Preprocessing((8, 8), (0.5,) * 3, (0.25,) * 3)
    arguments = {"depth": 8, "num_classes": 3}
    save(
        attach(model, Description("cifar_resnet", arguments, ["a", "b", "c"], preprocessing)),
        tmp_path / "m.safetensors",
    )
    draw = np.random.default_rng(0)
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for name in ("1.png", "3.png", "more/4.jpg"):
        Image.fromarray(draw.integers(0, 256, (9, 9, 3), np.uint8)).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "2.png").write_text("broken")
    (tmp_path / "photos" / ".5.png").write_text("hidden")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(*words):
    return CliRunner().invoke(app, ["predict", "m.safetensors", *words])


def test_a_folder_is_answered_but_for_what_is_damaged(work):
    done = predict("photos", "--top", "1")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == ["image", "class", "%"]
    assert [row[0] for row in rows[1:]] == ["photos/1.png", "photos/3.png", "photos/more/4.jpg"]
    assert done.exit_code == 1
    damaged, count = done.stderr.splitlines()
    assert damaged.startswith("error: photos/2.png cannot be read as an image (cannot identify") and "1 of 4" in count


def test_json_holds_the_error_in_its_place(work):
    done = predict("photos/*.png", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [entry["name"] for entry in found] == ["photos/1.png", "photos/2.png", "photos/3.png"]
    assert set(found[0]) == {"name", "classes", "probabilities"} and set(found[1]) == {"name", "error"}
    assert "photos/2.png cannot be read" in found[1]["error"]
    assert done.stdout == json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def test_all_sound_is_0_and_none_is_2(work):
    assert predict("photos/1.png", "photos/more").exit_code == 0
    for images in (["photos/2.png"], ["photos/2.png", "gone.png"]):
        done = predict(*images)
        assert done.exit_code == 2 and "error: photos/2.png cannot be read" in done.stderr
    done = predict("photos", "--max-pixels", "80")
    assert done.exit_code == 2 and "photos/1.png is too large (9 x 9, more than 80 pixels)" in done.stderr


def test_a_terminal_shows_one_heading_and_columns_that_stand_below_each_other(monkeypatch, capsys):
    from rich.console import Console

    from residuum.cli import tables

    monkeypatch.setattr("rich.console.Console", lambda: Console(force_terminal=True, width=80, color_system=None))
    table = tables.RowTable(["image", "class", "%"], numbers=["%"])
    table.add([("photos/one.png", "tabby cat", "99.0")])
    table.add([("b.png", "dog", "7.5")])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3 and lines[0].split() == ["image", "class", "%"]
    assert lines[1].index("tabby") == lines[2].index("dog") and len(lines[1]) == len(lines[2])


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_never_cuts_a_percentage(monkeypatch, capsys, width):
    from rich.cells import cell_len
    from rich.console import Console

    from residuum.cli import tables

    monkeypatch.setattr("rich.console.Console", lambda: Console(force_terminal=True, width=width, color_system=None))
    table = tables.RowTable(["image", "class", "%"], numbers=["%"])
    rows = [
        ("a.png", "柴犬 (Shiba Inu)", "99.0"),
        ("My photos 2026/Küche/IMG 2004 (Küche, 5).jpg", "Österreichischer Pinscher – jung", "52.5"),
        ("f" * 150 + ".png", "Golden Retriever (adult)", "100.0"),
    ]
    for row in rows:
        table.add([row])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(cell_len, lines)) <= width
    assert [line.split()[-1] for line in lines if line.split()[-1].endswith(".0") or "52.5" in line] == [
        "99.0", "52.5", "100.0",
    ]  # fmt: skip


def test_the_list_is_closed_whatever_happens(capsys):
    def broken():
        yield Prediction("a\u2028b", ["x"], [1.0])
        raise ValueError

    with pytest.raises(ValueError):
        showing.show_answers(broken(), None)
    assert json.loads(capsys.readouterr().out) == [{"name": "a\u2028b", "classes": ["x"], "probabilities": [1.0]}]
    assert showing.show_answers(iter(()), None) == 0 and capsys.readouterr().out == "[]\n"


def test_the_runtimes_command_answers_alike(work, monkeypatch, capsys):
    from residuum_runtime import __main__ as runtime
    from residuum_runtime import engine

    class Standing:
        def __init__(self, file, **options):
            assert file == "exported"

        def predict_each(self, images, *, top, max_pixels):
            assert (images, top, max_pixels) == (["photos"], 5, 70)
            yield Prediction("1.png", ["cat"], [0.75])
            yield Unread("2.png", "2.png cannot be read")

    monkeypatch.setattr(engine, "Engine", Standing)
    assert runtime.main(["predict", "exported", "photos", "--max-pixels", "70"]) == 1
    said = capsys.readouterr()
    assert said.out == "image\tclass\t%\n1.png\tcat\t75.0\n" and "error: 2.png cannot be read\n" in said.err
    assert "torch" in sys.modules  # of this test, not of the command: test_runtime.py looks at that


def test_every_verb_that_reads_images_takes_the_limit():
    from typer.main import get_command

    verbs = get_command(app).commands
    for verb in (*map(verbs.get, ("evaluate", "predict", "saliency")), verbs["data"].commands["stats"]):
        (flag,) = (option for option in verb.params if "--max-pixels" in option.opts)
        assert flag.help == f"largest image, pixels [default: {MAX_PIXELS:,}]"
    assert [option.opts for option in verbs["train"].params if "--max-pixels" in option.opts]
    assert Settings.max_pixels == MAX_PIXELS
