"""Pictures kept back to choose by."""

import dataclasses

import pytest
import torch

from residuum.data import ArrayImages, open_data, split_off
from residuum.errors import InputError


def numbered(counts=(100, 20, 10)):
    """Return a data set whose pictures are their numbers, with so many of each class."""
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    pixels = torch.arange(len(labels)).to(torch.uint8).view(-1, 1, 1, 1)
    digits = open_data("digits")
    return dataclasses.replace(digits, classes=["a", "b", "c"], train=ArrayImages(pixels, labels))


def numbers(images):
    return images.pixels.flatten().tolist()


def test_each_class_gives_its_share_and_no_picture_is_on_two_sides():
    whole = numbered()
    split = split_off(whole, 0.1)
    assert torch.bincount(split.val.labels).tolist() == [10, 2, 1]
    assert sorted(numbers(split.train) + numbers(split.val)) == list(range(130))
    assert split.val.labels.equal(whole.train.labels[torch.tensor(numbers(split.val))])
    assert numbers(split.train) == sorted(numbers(split.train)), "what is left keeps its order"
    assert split.test is whole.val
    assert (split.val_is, split.test_is) == ("10 % of the training images", "every fifth image")


def test_the_pictures_are_the_same_every_time_and_drawn_not_counted_off():
    torch.manual_seed(3)
    first = numbers(split_off(numbered(), 0.1).val)
    torch.rand(5)
    assert numbers(split_off(numbered(), 0.1).val) == first
    assert first[:10] != list(range(10))


@pytest.mark.parametrize(
    ("share", "message"),
    [(0.0, "must be 0 to 1, got 0.0"), (1.0, "must be 0 to 1"), (0.001, "without an image"),
     (0.99, "without an image")],
)  # fmt: skip
def test_shares_that_leave_a_side_empty(share, message):
    with pytest.raises(InputError, match=message):
        split_off(numbered(), share)
    with pytest.raises(InputError, match="has its own validation and test images; leave --val-split out"):
        split_off(split_off(numbered(), 0.1), 0.1)


def test_folders_with_test_pictures(digit_folder):
    for side in ("train", "val", "test"):
        (digit_folder.parent / "set" / side).mkdir(parents=True)
    root = digit_folder.parent / "set"
    for folder in sorted(digit_folder.iterdir()):
        for number, picture in enumerate(sorted(folder.iterdir())):
            side = ("train", "train", "val", "test")[number % 4]
            (root / side / folder.name).mkdir(exist_ok=True)
            picture.rename(root / side / folder.name / picture.name)
    whole = open_data(root)
    assert (len(whole.train), len(whole.val), len(whole.test)) == (30, 15, 15)
    assert (whole.val_is, whole.test_is, whole.val_is_test) == ("the folder val/", "the folder test/", False)
    (root / "val").rename(root / "unused")
    without = open_data(root)
    assert (len(without.val), without.test, without.val_is_test) == (15, None, True)
    (root / "test" / "digit-9").mkdir()
    with pytest.raises(InputError, match="has classes that train/ lacks: digit-9"):
        open_data(root)
