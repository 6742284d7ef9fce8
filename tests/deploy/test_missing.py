"""What is offered in a missing file's place."""

import pytest

from residuum_runtime import missing
from residuum_runtime.missing import endings_there, files_like


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("resnet20.th", "resnet32.th", "model.safetensors", "IMG_0012.JPG", ".hidden.th", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "runs" / "photos-1").mkdir(parents=True)
    (tmp_path / "bare").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("resnet21.th", "did you mean resnet20.th, resnet32.th?"),
        ("Model.pth", "did you mean model.safetensors?"),
        ("img_0012.png", "did you mean IMG_0012.JPG?"),
        ("hidden.th", "this folder has resnet20.th, resnet32.th"),  # a hidden file is not offered
        ("zoo.th", "this folder has resnet20.th, resnet32.th"),
        ("zebra.onnx", "this folder has no name like it"),
        ("run/photos-1/model.safetensors", "this folder has no folder run; did you mean runs?"),
        ("runs/photo-1/model.safetensors", "runs has no folder photo-1; did you mean photos-1?"),
        ("runs/photo-1", "did you mean photos-1?"),
        ("bare/a.png", "bare is empty"),
        ("quite/elsewhere/a.png", "this folder has no folder quite"),
        ("notes.txt/a.png", "notes.txt is a file, not a folder"),
    ],
)
def test_the_names_closest_to_it_in_its_folder(folder, path, hint):
    assert files_like(path) == hint


def test_many_files_of_its_kind_are_counted(folder):
    for number in range(7):
        (folder / "bare" / f"{number}.png").touch()
    assert files_like("bare/zebra.png") == "bare has 0.png, 1.png, 2.png and 4 more"


def test_a_huge_folder_is_not_read_to_its_end(folder, monkeypatch):
    monkeypatch.setattr(missing, "LOOKED_AT", 3)
    looked = []
    monkeypatch.setattr(missing, "_similarity", lambda word, name: looked.append(name) or 0.0)
    files_like("zebra")
    assert len(looked) <= 3


def test_names_that_are_not_text_are_shown_with_escapes(tmp_path):
    (tmp_path / b"caf\xe9.th".decode("utf-8", "surrogateescape")).touch()
    assert files_like(tmp_path / "cafe.th") == "did you mean caf\\xe9.th?"


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("*.jpeg", "the files of this folder end in "),
        ("bare/**/*.png", "bare has no file with an ending"),
        ("run/*.png", "did you mean runs?"),
    ],
)
def test_a_pattern_is_answered_with_the_endings_there_are(folder, pattern, hint):
    assert endings_there(pattern).startswith(hint)
