"""What a user may give as an image: the same pixels, whatever holds them, or one sentence on what was got."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from residuum.errors import ImageError, InputError
from residuum_runtime.given import expand, listed, one

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
PLANES = np.ascontiguousarray(PIXELS.transpose(2, 0, 1))


def of(images, channels=3):
    return [given.pixels() for given in listed(images, channels)]


@pytest.fixture
def file(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_one_image_in_every_form(file):
    in_floats = (PIXELS / 255).astype(np.float32)
    forms = {
        "path": file,
        "text": str(file),
        "bytes": file.read_bytes(),
        "bytearray": bytearray(file.read_bytes()),
        "file object": io.BytesIO(file.read_bytes()),
        "PIL": Image.fromarray(PIXELS),
        "RGBA": Image.fromarray(PIXELS).convert("RGBA"),
        "rows": PIXELS,
        "planes": PLANES,
        "floats": in_floats,
        "doubles": PLANES / 255,
        "halves": in_floats.astype(np.float16),
        "tensor": torch.from_numpy(PLANES),
        "float tensor": torch.from_numpy(PLANES) / 255,
        "needs a gradient": (torch.from_numpy(PLANES) / 255).requires_grad_(),
        "opaque": np.concatenate([PIXELS, np.full((9, 12, 1), 255, np.uint8)], -1),
    }
    for name, form in forms.items():
        (found,) = of(form)
        assert found.dtype == np.uint8 and np.array_equal(found, PLANES), name
        assert len(of([form, form])) == 2, name
    with file.open("rb") as opened:
        assert np.array_equal(of(opened)[0], PLANES)
    assert [given.name for given in listed([file, PIXELS, str(file)])] == [str(file), "image 1", str(file)]


def test_grey_batches_and_the_networks_own_channels():
    assert of(PIXELS[..., 0])[0].shape == of(torch.from_numpy(PIXELS[..., 0]))[0].shape == (1, 9, 12)
    for batch in (np.stack([PIXELS, PIXELS]), np.stack([PLANES, PLANES]), torch.from_numpy(np.stack([PLANES] * 2))):
        assert all(np.array_equal(found, PLANES) for found in of(batch)) and len(of(batch)) == 2
    assert of([PIXELS, np.stack([PLANES, PLANES])])[2].shape == (3, 9, 12)
    many = np.zeros((6, 9, 12), np.uint8)
    assert of(many, 6)[0].shape == of(np.zeros((9, 12, 6), np.uint8), 6)[0].shape == (6, 9, 12)
    four = np.zeros((4, 9, 12), np.uint8)
    assert of(four, 4)[0].shape == (4, 9, 12) and (of(four)[0] == 255).all()  # clear: laid on white
    assert of([]) == []


@pytest.mark.parametrize(
    ("image", "match"),
    [
        (PLANES / 255 * 2 - 1, r"image 0 as floats must lie in 0 to 1, got -1 to 1; give it before it is normalised"),
        (torch.from_numpy(PLANES).float(), r"as floats must lie in 0 to 1, got 0 to 255; divide by its largest level"),
        (np.full((3, 8, 8), np.nan), "image 0 must be finite numbers, got NaN or infinity among its float64 values"),
        (np.zeros((8, 8), bool), "must be uint8, or floats from 0 to 1, got bool; convert it to uint8"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), "must be uint8, or floats from 0 to 1, got int64"),
        (np.zeros((8, 8), np.uint16), "got uint16"),
        (
            np.zeros((2, 8, 8), np.uint8),
            r"1, 3 or 4 channels, as \[C, H, W\] or \[H, W, C\], got \[2, 8, 8\]",
        ),
        (np.zeros((3, 0, 8), np.uint8), r"got \[3, 0, 8\]"),
        (np.zeros((3, 50, 3), np.uint8), r"an array of \[3, 50, 3\] may have its channels first or last"),
        (torch.zeros(50, 40, 3), r"channels first, \[C, H, W\], got \[50, 40, 3\]; permute\(2, 0, 1\) turns it"),
        (np.zeros(5), r"an array must be \[H, W\], .*got \[5\]"),
        (
            torch.zeros(1, 1, 3, 8, 8),
            r"a tensor must be \[H, W\], .*, got \[1, 1, 3, 8, 8\]",
        ),
        (7, "an image must be a path, bytes, a file object, .*got int"),
        (None, "got NoneType"),
        ([{"image": 1}], "got dict"),
        (b"words", r"image 0 cannot be read as an image \(cannot identify image file\)"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_got(image, match):
    with pytest.raises(InputError, match=match):
        of(image)


def test_a_resize_may_pass_the_ends_of_the_range_by_rounding():
    assert of(np.array([[-1e-7, 1 + 1e-7]], np.float32))[0].tolist() == [[[0, 255]]]


def test_a_folder_means_its_images_and_a_pattern_is_expanded(tmp_path, monkeypatch):
    for name in ("b.JPG", "a.png", "deep/er/c.webp", ".hidden/d.png", "deep/.e.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [Path(path).relative_to(tmp_path).as_posix() for path in expand(tmp_path)] == [
        "a.png",
        "b.JPG",
        "deep/er/c.webp",
    ]
    monkeypatch.chdir(tmp_path)
    assert expand("*.png") == ["a.png"] and len(expand("*")) == 4
    (tmp_path / "[x].png").touch()
    assert expand("[x].png") == ["[x].png"]  # a file of that name is meant
    with pytest.raises(InputError, match="no file matches z"):
        expand("z*.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty must hold images \(.jpg, .png, .webp ...\), but it holds no file"):
        expand("empty")
    (tmp_path / "empty" / "a.txt").touch()
    (tmp_path / "empty" / "b").touch()
    with pytest.raises(InputError, match=r"but its files end in .txt \(1\), no ending \(1\)"):
        expand("empty")


def test_one_is_one(file):
    assert np.array_equal(one(file).pixels(), PLANES)
    with pytest.raises(InputError, match="expected one image, got 2"):
        one([file, file])
    with pytest.raises(ImageError, match="too large"):
        one(file, max_pixels=9 * 12 - 1).pixels()
