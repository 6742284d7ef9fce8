import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from residuum.data import ArrayImages, FileImages, decode, open_data
from residuum.data.folder import in_validation
from residuum.errors import InputError


def test_pictures_of_one_small_size_are_held_in_memory(digit_folder):
    dataset = open_data(digit_folder)
    assert list(dataset.classes) == ["digit-0", "digit-1", "digit-2"]
    assert isinstance(dataset.train, ArrayImages)
    assert dataset.train.pixels.shape[1:] == (3, 8, 8)
    assert len(dataset.train) + len(dataset.val) == 60
    assert sorted(set(dataset.train.labels.tolist())) == [0, 1, 2]


def test_pictures_of_many_sizes_stay_files_in_the_order_of_their_names(digit_folder):
    Image.new("L", (20, 30)).save(digit_folder / "digit-1" / "other.jpg")
    dataset = open_data(digit_folder)
    assert isinstance(dataset.train, FileImages)
    names = [*dataset.train.names, *dataset.val.names]
    assert len(names) == 61
    assert list(dataset.train.names) == sorted(dataset.train.names)


def test_adding_pictures_moves_none_to_the_other_side(digit_folder):
    Image.new("RGB", (70, 70)).save(digit_folder / "digit-0" / "large.png")  # of two sizes: kept as files, with names
    before = open_data(digit_folder)
    for number in range(40):
        shutil.copy(digit_folder / "digit-0" / "000.png", digit_folder / "digit-0" / f"new{number}.png")
    after = open_data(digit_folder)
    assert set(before.train.names) < set(after.train.names)
    assert set(before.val.names) < set(after.val.names)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_the_side_depends_on_class_and_name_alone(label, name):
    label, name = label.replace("/", "_"), name.replace("/", "_")
    assert in_validation(f"{label}/{name}") == in_validation(f"somewhere/{label}/{name}")


def test_one_picture_in_five_is_for_validation():
    share = np.mean([in_validation(f"cat/{number}.jpg") for number in range(20_000)])
    assert share == pytest.approx(0.2, abs=0.01)


def test_train_and_val_folders_are_taken_as_they_are(digit_folder, tmp_path):
    root = tmp_path / "split"
    shutil.copytree(digit_folder, root / "train")
    shutil.copytree(digit_folder, root / "val")
    dataset = open_data(root)
    assert (len(dataset.train), len(dataset.val)) == (60, 60)
    shutil.rmtree(root / "val" / "digit-1")
    assert set(open_data(root).val.labels.tolist()) == {0, 2}
    shutil.copytree(digit_folder / "digit-1", root / "val" / "digit-9")
    with pytest.raises(InputError, match="has classes that .* lacks: digit-9"):
        open_data(root)
    shutil.rmtree(root / "train")
    with pytest.raises(InputError, match="has val/ but no train/"):
        open_data(root)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_a_damaged_picture_is_named_and_left_out(digit_folder, damage):
    victim = digit_folder / "digit-1" / "005.png"
    content = victim.read_bytes()
    victim.write_bytes({"truncated": content[: len(content) // 2], "text": b"not a picture", "empty": b""}[damage])
    dataset = open_data(digit_folder)
    assert len(dataset.train) + len(dataset.val) == 59
    assert dataset.notes[0] == "1 of 60 images could not be read"
    assert dataset.notes[1].startswith("left out digit-1/005.png: ")
    with pytest.raises(InputError, match=r"digit-1/005\.png cannot be read .*; repair it, or omit --strict"):
        open_data(digit_folder, strict=True)


def test_folders_that_cannot_be_learnt_from(tmp_path, digit_folder):
    with pytest.raises(InputError, match="at least two classes, got no folders"):
        open_data(tmp_path / "pictures" / "digit-0")
    shutil.rmtree(digit_folder / "digit-2")
    shutil.rmtree(digit_folder / "digit-1")
    with pytest.raises(InputError, match=r"at least two classes, got one folder \(digit-0\)"):
        open_data(digit_folder)
    (digit_folder / "digit-3").mkdir()
    with pytest.raises(InputError, match="none for digit-3: add images or remove the folder"):
        open_data(digit_folder)
    empty = tmp_path / "empty"
    for name in "ab":
        (empty / name).mkdir(parents=True)
    with pytest.raises(InputError, match="class folders but no images in them; expected .*jpg"):
        open_data(empty)
    with pytest.raises(InputError, match="is a file"):
        (tmp_path / "file").write_text("x")
        open_data(tmp_path / "file")


@pytest.fixture(scope="module")
def gradient():
    """Return a colour picture [H, W, 3] that no symmetry leaves unchanged."""
    y, x = np.mgrid[0:24, 0:36]
    return np.stack([y * 10, x * 7, 255 - y * 10], axis=-1).astype(np.uint8)


def test_kinds_of_pictures_decode_to_the_same_colours(tmp_path, gradient):
    picture = Image.fromarray(gradient)
    picture.save(tmp_path / "plain.png")
    picture.quantize(256).save(tmp_path / "palette.png")
    picture.convert("RGBA").save(tmp_path / "alpha.png")
    picture.convert("CMYK").save(tmp_path / "cmyk.tif")
    picture.save(tmp_path / "q95.jpg", quality=95)
    picture.save(tmp_path / "lossless.webp", lossless=True)
    for name in ("plain.png", "palette.png", "alpha.png", "cmyk.tif", "q95.jpg", "lossless.webp"):
        pixels = decode(tmp_path / name)
        assert pixels.dtype == torch.uint8
        assert pixels.shape == (3, 24, 36)
        distance = (pixels.permute(1, 2, 0).int() - torch.from_numpy(gradient).int()).abs().float().mean()
        assert distance < 8, name


def test_transparency_lies_on_white(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert decode(tmp_path / "clear.png").unique().tolist() == [255]


def test_sixteen_bits_become_eight(tmp_path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "deep.png")
    assert decode(tmp_path / "deep.png")[:, 0].tolist() == [[0, 100, 255]] * 3


def test_exif_rotation_is_applied(tmp_path, gradient):
    picture = Image.fromarray(gradient)
    exif = picture.getexif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    picture.save(tmp_path / "turned.png", exif=exif)
    turned = decode(tmp_path / "turned.png").permute(1, 2, 0).numpy()
    assert turned.tolist() == np.rot90(gradient, -1).tolist()


def test_a_missing_picture_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*nothing\.png"):
        decode(tmp_path / "nothing.png")
