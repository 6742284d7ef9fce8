import pytest
import torch

from residuum.data import open_data
from residuum.data.part import parse_part
from residuum.errors import InputError


def rows(images):
    return {bytes(picture.numpy().tobytes()) for picture in images.pixels}


def test_a_part_holds_so_many_pictures_and_the_classes_equally():
    whole, part = open_data("digits"), open_data("digits[:100,:50]")
    assert (len(part.train), len(part.val)) == (100, 50) and part.name == "digits"
    assert torch.bincount(part.train.labels).tolist() == [10] * 10
    assert torch.bincount(part.val.labels).tolist() == [5] * 10
    assert rows(part.train) <= rows(whole.train) and rows(part.val) <= rows(whole.val)
    assert any("100 of 1,438 train images" in note for note in part.notes)
    assert (part.mean, part.std) == (whole.mean, whole.std)


def test_a_small_part_lies_within_a_larger_and_all_of_it_is_the_whole():
    assert len(open_data("digits[:7]").val) == 359
    assert rows(open_data("digits[:60]").train) < rows(open_data("digits[:333]").train)
    assert len(rows(open_data("digits[:1438]").train)) == len(rows(open_data("digits").train))


def test_a_part_of_a_folder_keeps_names_and_labels_together(digit_folder):
    part = open_data(f"{digit_folder}[:9]").train
    names = getattr(part, "names", None)
    assert len(part) == 9 and torch.bincount(part.labels).tolist() == [3, 3, 3]
    if names is not None:
        assert all(f"digit-{label}" in name for name, label in zip(names, part.labels.tolist(), strict=True))


def test_more_than_there_is_and_none_are_refused():
    with pytest.raises(InputError, match=r"1 to 1438 train images, got 1439; write digits\[:1000\]"):
        open_data("digits[:1439]")
    with pytest.raises(InputError, match="1 to 359 val images, got 0"):
        open_data("digits[:5,:0]")


def test_a_folder_may_be_called_like_a_part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos[:3]").mkdir()
    assert parse_part("photos[:3]") is None and parse_part("digits") is None
    assert parse_part("a[:3,:4]") == ("a", 3, 4)
