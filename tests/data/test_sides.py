"""Folders as people name them: sides of a split, wrappers, what lies beside; nothing is guessed in silence."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from residuum.data import open_data
from residuum.data.folder import look_through
from residuum.data.sides import read_name
from residuum.errors import InputError


def image(path, shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((9, 9, 3), shade % 256, np.uint8)).save(path)


def tree(root, *folders, count=3):
    for number, folder in enumerate(folders):
        for place in range(count):
            image(root / folder / f"{place}.png", 40 * number + place)
    return root


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("train", "train"), ("Training", "train"), ("TRAIN", "train"), ("seg_train", "train"), ("train_set", "train"),
        ("TrainingData", "train"), ("images_train", "train"), ("trn", "train"), ("trainset", "train"),
        ("val", "val"), ("Valid", "val"), ("Validation", "val"), ("dev", "val"), ("eval", "val"), ("val2017", "val"),
        ("test", "test"), ("Testing", "test"), ("holdout", "test"), ("held-out", "test"), ("hold_out", "test"),
        ("Test_Data", "test"), ("my-tst", "test"),
        ("cat", None), ("trains", None), ("contest", None), ("invalid", None), ("train_test", None), ("device", None),
    ],
)  # fmt: skip
def test_names_of_sides(name, side):
    found = read_name(name)
    assert (found.side if found else None) == side


@pytest.mark.parametrize(
    ("train", "held"),
    [
        ("Training", "Testing"), ("seg_train/seg_train", "seg_test/seg_test"), ("Train", "Val"), ("train", "dev"),
        ("train_images", "holdout_images"), ("TRAIN", "EVAL"), ("data/Train", "data/Validation"),
    ],
)  # fmt: skip
def test_sides_of_any_name_separate_training_from_what_is_held_out(tmp_path, train, held):
    tree(tmp_path, *(f"{side}/{name}" for side in (train, held) for name in ("frog", "newt")))
    found = look_through(tmp_path)
    assert found.classes == ["frog", "newt"] and not found.unsplit
    assert len(found.train) == 6 and len(found.val) == 6
    assert all(picture.name.startswith(train) for picture in found.train)
    assert all(picture.name.startswith(held) for picture in found.val)


def test_a_third_folder_is_the_test_side(tmp_path):
    tree(tmp_path, *(f"{side}/{name}" for side in ("Train", "Valid", "Testing") for name in ("a", "b")))
    found = look_through(tmp_path)
    assert [len(side) for side in (found.train, found.val, found.test)] == [6, 6, 6]
    assert "Testing/" in found.test_is and "Valid/" in found.val_is


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train/a", "train/b", "training/a", "training/b"), "train/, training/ .* are both named as train images"),
        (("train/a", "train/b", "test/a", "test/b", "a", "b"), "either the sides of a split or class folders, but a/"),
        (("train/a", "train/b", "val/a", "val/C"), "classes that train/ lacks: C"),
        (("train/a", "train/b", "val/A", "val/b"), "A is a there.*rename one"),
        (("fold1/a", "fold1/b", "fold2/a", "fold2/b"), "folds of a cross-validation"),
        (("a/train", "a/test", "b/train", "b/test"), "sides of a split must lie above the classes"),
        (("val/a", "val/b"), "has val/ but no train/"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_by_name(tmp_path, folders, message):
    with pytest.raises(InputError, match=message):
        look_through(tree(tmp_path, *folders))


def test_a_side_of_loose_images_is_refused_and_says_how_to_have_such_a_class(tmp_path):
    tree(tmp_path, "train", "bus")
    with pytest.raises(InputError, match="train is named as the train side.*if train and the folders beside it are cl"):
        look_through(tmp_path)
    moved = tmp_path / "new" / "train"
    moved.parent.mkdir()
    tree(moved, "train", "bus", count=12)
    found = look_through(moved.parent)
    assert found.classes == ["bus", "train"], "below train/ any name is a class"


def test_hidden_folders_between_class_and_image_are_left_out_and_counted(tmp_path):
    tree(tmp_path, "a", "b", count=10)
    tree(tmp_path, "a/.ipynb_checkpoints", "b/x/.thumbnails", "b/__MACOSX", count=4)
    found = look_through(tmp_path)
    assert len(found.train) + len(found.val) == 20
    (note,) = [note for note in found.notes if "hidden" in note]
    assert "12 images" in note and ".ipynb_checkpoints" in note and "__MACOSX" in note


def test_every_ending_is_used_or_counted(tmp_path):
    tree(tmp_path, "a", "b", count=6)
    for ending, form in ((".jfif", "JPEG"), (".JPE", "JPEG"), (".tga", "TGA"), ("", "PNG")):
        Image.new("RGB", (9, 9), (9, 9, 9)).save(tmp_path / "a" / f"other{ending}", format=form)
    (tmp_path / "b" / "notes.txt").write_text("not an image")
    (tmp_path / "b" / "clip.mp4").write_bytes(b"\0" * 40)
    (tmp_path / "b" / "readme").write_text("no image either")
    found = look_through(tmp_path)
    names = {picture.name for picture in (*found.train, *found.val)}
    assert {"a/other.jfif", "a/other.JPE", "a/other.tga", "a/other"} <= names
    (note,) = [note for note in found.notes if "no image decoder" in note]
    assert "3 files" in note and "1 .txt" in note and "1 .mp4" in note and "without ending" in note


def test_heic_is_named_with_what_to_install(tmp_path):
    tree(tmp_path, "a", "b", count=6)
    (tmp_path / "a" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64)
    notes = open_data(tmp_path).notes
    assert any("phone.HEIC" in note for note in notes)


def test_links_are_followed_once_and_dangling_ones_named(tmp_path):
    root = tree(tmp_path / "set", "a", "b", count=6)
    tree(tmp_path / "elsewhere", "newts", count=5)
    (root / "c").symlink_to(tmp_path / "elsewhere" / "newts")
    (root / "a" / "again").symlink_to(root / "a")
    (root / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (root / "b" / "linked.png").symlink_to(tmp_path / "elsewhere" / "newts" / "0.png")
    found = look_through(root)
    everything = [*found.train, *found.val]
    assert found.classes == ["a", "b", "c"] and sum(not picture.problem for picture in everything) == 18
    assert any("did not follow" in note and "a/again" in note for note in found.notes)
    assert [p.problem for p in everything if p.name == "b/gone.png"] == ["a link to a file that does not exist"]


@pytest.mark.skipif(os.name != "posix", reason="file names there are always Unicode")
@pytest.mark.parametrize("name", [b"caf\xe9.png", b"two\nlines.png", "e\u0301\U0001f600.png".encode(), b"-v.png"])
def test_images_of_odd_names_are_used(tmp_path, name):
    tree(tmp_path, "a", "b", count=6)
    data = (tmp_path / "a" / "0.png").read_bytes()
    Path(os.fsdecode(os.fsencode(tmp_path / "b") + b"/" + name)).write_bytes(data)
    (tmp_path / "b" / "bad.png").write_bytes(b"x")
    dataset = open_data(tmp_path)
    assert len(dataset.train) + len(dataset.val) == 13
    "\n".join(dataset.notes).encode()


def test_a_class_keeps_an_image_to_train_on_and_lacking_ones_are_noted(tmp_path):
    tree(tmp_path, *(f"c{number}" for number in range(40)), count=2)
    found = look_through(tmp_path)
    assert {picture.label for picture in found.train} == set(range(40))
    lacking = 40 - len({picture.label for picture in found.val})
    (note,) = [note for note in found.notes if note.startswith("validation has no image of")]
    assert f"its figures cover {40 - lacking} of 40 classes" in note
    again = look_through(tree(tmp_path, "c0", count=9))
    before = {picture.name for picture in found.val if not picture.name.startswith("c0/")}
    assert before == {picture.name for picture in again.val if not picture.name.startswith("c0/")}


def test_a_folder_with_a_built_in_name_is_never_taken_for_the_set(tmp_path, monkeypatch):
    tree(tmp_path / "digits", "a", "b", count=8)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="'digits' is a built-in data set, and a folder of that name lies here"):
        open_data("digits")
    assert open_data("./digits").classes == ["a", "b"] and open_data(Path("digits")).classes == ["a", "b"]
    monkeypatch.chdir(tmp_path / "digits")
    assert len(open_data("digits").classes) == 10


def test_a_run_folder_with_a_built_in_name_hides_no_set(tmp_path, monkeypatch):
    (tmp_path / "digits" / "checkpoints").mkdir(parents=True)
    (tmp_path / "digits" / "curves.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert len(open_data("digits").classes) == 10


@pytest.mark.parametrize("beside", ["annotations", "labels", "masks.csv"])
def test_a_folder_without_images_beside_the_wrapper_is_no_class(tmp_path, beside):
    tree(tmp_path, *(f"images/{side}/{name}" for side in ("train", "val") for name in ("frog", "newt")))
    (tmp_path / beside).mkdir()
    (tmp_path / beside / "list.txt").write_text("frog")
    found = look_through(tmp_path)
    assert (found.classes, len(found.val)) == (["frog", "newt"], 6)
    image(tmp_path / beside / "0.png")
    with pytest.raises(InputError, match="sides of a split must lie above the classes"):
        look_through(tmp_path)
