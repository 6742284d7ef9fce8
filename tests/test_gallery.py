"""The gallery is written from studies' folders alone."""

import importlib.util
import json
from pathlib import Path

import pytest

from residuum.experiments.form import read_json, write_json
from residuum.experiments.study import run_study

SCRIPT = Path(__file__).parents[1] / "docs" / "make_gallery.py"


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    """Return the script, writing into a folder of the test."""
    spec = importlib.util.spec_from_file_location("make_gallery", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "GALLERY", tmp_path / "gallery")
    return script


def test_it_shows_what_was_run_and_names_what_was_not(gallery, tmp_path, capsys):
    asked = {"data": "digits[:64,:40]", "depths": (2, 4), "seeds": 2, "epochs": 1, "batch_size": 32}
    held = run_study("identity", asked, tmp_path / "one", workers=1, tell=lambda line: None)
    other = json.loads(json.dumps(read_json(tmp_path / "one" / "study.json")))
    other["options"]["data"] = "/home/somebody/photos[:9]"
    other["repeat"] = other["repeat"].replace("digits", "/home/somebody/photos")
    (tmp_path / "two").mkdir()
    write_json(tmp_path / "two" / "study.json", other)
    (tmp_path / "three").mkdir()
    assert gallery.main([tmp_path / name for name in ("three", "two", "one")]) == 2
    assert f"left out: {tmp_path / 'three'} has no study.json" in capsys.readouterr().err
    page = (tmp_path / "gallery" / "README.md").read_text()
    assert page.count(f"**{held['answer']}**") == 2 and "/home" not in page
    assert "- [Identity (photos)](#identity-photos): " in page and "## Identity (digits)" in page
    pictures = [path.name for path in (tmp_path / "gallery" / "pictures").iterdir()]
    assert sorted(pictures) == ["identity-digits.svg", "identity-photos.svg"]
    assert all(f"(pictures/{name})" in page for name in pictures)


def test_it_refuses_too_many_bytes_and_a_study_twice(gallery, monkeypatch, tmp_path):
    asked = {"data": "digits[:64,:40]", "depths": (2, 4), "seeds": 2, "epochs": 1, "batch_size": 32}
    run_study("identity", asked, tmp_path / "one", workers=1, tell=lambda line: None)
    with pytest.raises(SystemExit, match=r"must appear once .* got Identity \(digits\) twice; leave a folder out"):
        gallery.main([tmp_path / "one", tmp_path / "one"])
    monkeypatch.setattr(gallery, "LIMIT", 1000)
    with pytest.raises(SystemExit, match="must stay below 0.001 MB"):
        gallery.main([tmp_path / "one"])
