"""Two decoders, one meaning: torchvision's for ordinary JPEG files where it loads, Pillow's for all else."""

import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from residuum.data import decode
from residuum.data.decode import jpeg_decoder
from residuum.errors import InputError
from residuum_runtime.pictures import decode_rows

DECODE = sys.modules["residuum.data.decode"]  # the room has a function of that name


def photograph(height=37, width=53):
    """Return [H, W, 3] with an edge and a texture in each channel."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([y * 6, 128 + 100 * np.sin(x / 3), (x > 20) * 200], axis=-1).astype(np.uint8)


KINDS = {
    "plain": {"quality": 90},
    "fine colours": {"quality": 90, "subsampling": 0},
    "wide colours": {"quality": 75, "subsampling": 1},
    "progressive": {"quality": 60, "progressive": True},
}


@pytest.fixture
def asked(monkeypatch):
    """Put a decoder in torchvision's place that answers black, and return the names that it was asked for."""
    names = []

    def black(path):
        names.append(path.name)
        return torch.zeros(3, 2, 2, dtype=torch.uint8)

    monkeypatch.setattr(DECODE, "jpeg_decoder", lambda: black)
    return names


def test_ordinary_jpeg_files_go_to_torchvision_and_others_do_not(tmp_path, asked):
    picture = Image.fromarray(photograph())
    turned, upright = Image.Exif(), Image.Exif()
    turned[0x0112], upright[0x0112] = 6, 1
    for name, kind in KINDS.items():
        picture.save(tmp_path / f"{name}.jpg", **kind)
    picture.convert("L").save(tmp_path / "grey.jpg")
    picture.save(tmp_path / "upright.jpg", exif=upright)
    ours = {path.name for path in tmp_path.iterdir()}
    picture.save(tmp_path / "turned.jpg", exif=turned)
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
    picture.save(tmp_path / "really.jpg", format="PNG")
    picture.save(tmp_path / "plain.png")
    for path in tmp_path.iterdir():
        assert decode(path).any() == (path.name not in ours), path.name
    assert set(asked) == ours
    assert decode(tmp_path / "turned.jpg").shape == (3, 53, 37)


def test_a_file_that_torchvision_refuses_is_read_by_pillow(tmp_path, monkeypatch):
    def refuse(path):
        raise RuntimeError("not this one")

    monkeypatch.setattr(DECODE, "jpeg_decoder", lambda: refuse)
    Image.fromarray(photograph()).save(tmp_path / "a.jpg")
    assert decode(tmp_path / "a.jpg").shape == (3, 37, 53)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, asked, monkeypatch):
    Image.fromarray(photograph()).save(tmp_path / "huge.jpg")
    match = r"huge\.jpg is too large \(53 x 37, more than 1,960 pixels\); raise the limit \(--max-pixels, max_pixels=\)"
    with pytest.raises(InputError, match=match):
        decode(tmp_path / "huge.jpg", max_pixels=37 * 53 - 1)
    assert asked == []
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own limit has no say, and stays what it is
    assert decode(tmp_path / "huge.jpg", max_pixels=37 * 53).shape == (3, 2, 2)
    assert decode_rows(tmp_path / "huge.jpg", max_pixels=37 * 53).shape == (37, 53, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
    with pytest.raises(InputError, match="max_pixels must be 1 or more, got 0"):
        decode(tmp_path / "huge.jpg", max_pixels=0)


@pytest.mark.skipif(jpeg_decoder() is None, reason="torchvision's decoder does not load beside this torch")
@pytest.mark.parametrize("kind", KINDS)
def test_both_decoders_give_the_same_pixels(tmp_path, kind):
    for number, (height, width) in enumerate([(37, 53), (8, 8), (1, 17), (120, 64)]):
        for mode in ("RGB", "L"):
            path = tmp_path / f"{mode}{number}.jpg"
            Image.fromarray(photograph(height, width)).convert(mode).save(path, **KINDS[kind])
            assert np.array_equal(jpeg_decoder()(path).permute(1, 2, 0).numpy(), decode_rows(path)), path


def test_a_truncated_jpeg_is_named(tmp_path):
    held = io.BytesIO()
    Image.fromarray(photograph(200, 300)).save(held, "JPEG")
    (tmp_path / "half.jpg").write_bytes(held.getvalue()[: len(held.getvalue()) // 2])
    with pytest.raises(InputError, match=r"half\.jpg cannot be read as an image .*truncated"):
        decode(tmp_path / "half.jpg")


def test_colours_lie_side_by_side(tmp_path):
    Image.fromarray(photograph()).save(tmp_path / "a.png")
    pixels = decode(tmp_path / "a.png")
    assert pixels.stride() == (1, 3 * 53, 3)
    assert pixels.permute(1, 2, 0).numpy().tolist() == photograph().tolist()
    assert decode(io.BytesIO((tmp_path / "a.png").read_bytes())).equal(pixels)
