"""residuum draw: from a name or a file to a picture."""

from xml.etree import ElementTree

import pytest
import torch
from typer.testing import CliRunner

import residuum
from residuum.cli import app
from residuum.cli.draw import draw_anatomy
from residuum.errors import InputError
from residuum.models import VARIANTS
from residuum.models.anatomy import anatomy

SVG = "{http://www.w3.org/2000/svg}"
ONE_EACH = list({row.builder: name for name, row in reversed(VARIANTS.items())}.values())  # each builder's first


def draw(*arguments):
    return CliRunner().invoke(app, ["draw", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize("name", ONE_EACH)
def test_every_family_can_be_drawn(name):
    with torch.device("meta"):
        network = residuum.create_model(name)
    parts = anatomy(network)
    tree = ElementTree.fromstring(draw_anatomy(parts))
    said = " ".join(element.text for element in tree.iter(f"{SVG}text"))
    for section in parts.sections:
        assert section.name in said
        for slots in (slots for piece in section.pieces for slots in piece.slots):
            for word in (*slots.branch, *(() if slots.depth else slots.shortcut), *slots.activation):
                assert word in said


def test_a_name_becomes_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert draw("cifar_resnet20").output == "see cifar_resnet20.svg\n"
    assert ElementTree.parse("cifar_resnet20.svg").getroot().tag == f"{SVG}svg"


def test_a_dash_prints_it():
    assert draw("cifar_resnet20", "--output", "-").stdout.startswith("<svg")


def test_a_weights_file_is_drawn_as_it_is(tmp_path):
    model = residuum.create_model("cifar_resnet", depth=8, num_classes=7, in_chans=1)
    residuum.save(model, tmp_path / "mine.safetensors")
    draw(tmp_path / "mine.safetensors", "--output", tmp_path / "mine.svg")
    svg = (tmp_path / "mine.svg").read_text(encoding="utf-8")
    assert "input 1 × 32 × 32" in svg and "linear, 7" in svg
    assert svg == draw_anatomy(anatomy(model))


def test_an_unknown_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no model is named 'resnet51'.*resnet50"):
        draw("resnet51")
    assert not list(tmp_path.iterdir())
