"""Pillow's boundary: whatever a file makes it raise is one error that names the file; odd metadata costs no pixels."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from residuum.data import decode
from residuum.errors import ImageError, InputError
from residuum_runtime.pictures import decode_rows, fit, middle
from residuum_runtime.reading import MAX_PIXELS, opened


def slope(height=12, width=20):
    """Return a colour image without symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 12, y * 20, x + y], -1).astype(np.uint8))


def entry(tag, kind, count, value):
    return struct.pack("<HHI4s", tag, kind, count, value)


def exif_block(*entries, after=b""):
    """Return an EXIF block of one directory, with bytes after it."""
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return b"Exif\0\0" + head + b"".join(entries) + struct.pack("<I", 0) + after


TURNED = entry(0x0112, 3, 1, b"\6\0\0\0")
WHERE = 8 + 2 + 2 * 12 + 4  # of what follows two entries
ODD = {
    "GPS version as text": exif_block(
        TURNED,
        entry(0x8825, 4, 1, struct.pack("<I", WHERE)),
        after=struct.pack("<H", 1) + entry(0, 2, 1, b"\0\0\0\0") + bytes(4),
    ),
    "a directory within itself": exif_block(TURNED, entry(0x8769, 4, 1, struct.pack("<I", 8))),
    "values beyond the end": exif_block(TURNED, entry(0x010F, 2, 50_000, struct.pack("<I", 9_999))),
    "a rational without a divisor": exif_block(
        TURNED, entry(0x011A, 5, 1, struct.pack("<I", WHERE)), after=struct.pack("<II", 72, 0)
    ),
    "a number as bytes of a text": exif_block(TURNED, entry(0x9000, 3, 2, b"\xff\xff\xff\xff")),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_an_odd_exif_entry_leaves_the_pixels_and_the_rotation(tmp_path, kind, ending):
    path = tmp_path / f"phone.{ending}"
    slope().save(path, exif=ODD[kind], **({"lossless": True} if ending == "webp" else {}))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB").transpose(Image.Transpose.ROTATE_270))
    assert decode_rows(path).shape == (20, 12, 3)
    assert np.array_equal(decode_rows(path), expected)
    assert np.array_equal(decode(path).permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("block", [b"Exif\0\0", b"Exif\0\0nonsense", exif_block(entry(0x0112, 2, 2, b"6\0\0\0"))])
def test_an_exif_block_without_a_sound_orientation_is_passed_over(tmp_path, block):
    slope().save(tmp_path / "a.png", exif=block)
    assert np.array_equal(decode_rows(tmp_path / "a.png"), np.asarray(slope()))


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_pillows(tmp_path, orientation, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    slope().save(tmp_path / f"a.{ending}", exif=exif)
    with Image.open(tmp_path / f"a.{ending}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(decode_rows(tmp_path / f"a.{ending}"), expected)


@pytest.mark.parametrize(
    "error",
    [
        struct.error("unpack requires a buffer of 4 bytes"),
        TypeError("The fill character\nmust be a unicode character"),
        zlib.error("Error -3"),
        RecursionError(),
        MemoryError(),
        OverflowError("too large"),
        KeyError("x"),
        AssertionError(),
        IndexError("index out of range"),
        Image.DecompressionBombError("bomb"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_pillow_raises_is_one_line_with_the_name(tmp_path, monkeypatch, error):
    slope().save(tmp_path / "a.png")

    def fail(self):
        raise error

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    for read in (decode, decode_rows):
        with pytest.raises(ImageError, match=r"a\.png (cannot be read as an image|is too large) \(") as caught:
            read(tmp_path / "a.png")
        assert "\n" not in str(caught.value) and "()" not in str(caught.value)


def test_ctrl_c_is_no_damage(tmp_path, monkeypatch):
    slope().save(tmp_path / "a.png")

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        decode_rows(tmp_path / "a.png")


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(ImageError, match="expected an image, but there is no file .*gone.png"):
        decode_rows(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="cannot be read as an image .*irectory"):
        decode_rows(tmp_path)
    with pytest.raises(ImageError, match=r"the image cannot be read as an image \(cannot identify image file\)"):
        decode_rows(io.BytesIO(b"words"))
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(ImageError, match=r"a\.eps cannot be read as an image \(EPS is a program, not pixels\)"):
        decode_rows(tmp_path / "a.eps")


def png_of(width, height, depth=8, colours=6):
    """Return a small PNG that declares a canvas of that size."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def gif_of(width, height):
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + struct.pack(
        "<HH", width, height
    ) + b"\0\2\2\x44\1\0;"  # fmt: skip


def tiff_of(width, height):
    rows = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 4, height), (279, 4, width * height)]  # fmt: skip
    return b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in rows
    ) + bytes(4)  # fmt: skip


SMALL = {
    "png": png_of(13_376, 13_376),
    "png of 16 bits": png_of(13_000, 13_000, 16, 0),
    "gif": gif_of(13_000, 13_000),
    "tiff": tiff_of(13_300, 13_300),
    "png line": png_of(170_000_000, 1),
}


@pytest.mark.parametrize("kind", SMALL)
def test_few_bytes_that_declare_a_huge_canvas_take_no_memory(kind):
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=r"cannot be read as an image \(its [\d,]+ bytes declare [\d,]+ x [\d,]+"):
            decode_rows(io.BytesIO(SMALL[kind]))
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


def test_more_pixels_than_allowed_are_refused_before_they_are_decoded(tmp_path):
    match = r"\(10,000,000,000 pixels, more than 178,956,970 pixels\); raise the limit"
    with pytest.raises(ImageError, match=match):
        decode_rows(io.BytesIO(png_of(100_000, 100_000)))
    Image.new("L", (300, 200)).save(tmp_path / "a.png")
    assert decode_rows(tmp_path / "a.png", max_pixels=60_000).shape == (200, 300, 3)
    with pytest.raises(ImageError, match=r"a\.png is too large \(300 x 200, more than 59,999 pixels\)"):
        decode_rows(tmp_path / "a.png", max_pixels=59_999)
    with pytest.raises(InputError, match="max_pixels must be 1 or more, got -1"):
        decode_rows(tmp_path / "a.png", max_pixels=-1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "WEBP"])
def test_the_limit_can_be_raised_above_pillows(tmp_path, monkeypatch, kind):
    slope(40, 50).save(tmp_path / "a", kind)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    assert decode_rows(tmp_path / "a").shape == (40, 50, 3)
    with (tmp_path / "a").open("rb") as file:
        assert decode_rows(file).shape == (40, 50, 3)
    assert Image.MAX_IMAGE_PIXELS == 40
    assert MAX_PIXELS == 2 * 89_478_485  # what Pillow refuses by itself


def test_an_image_that_pillow_has_opened_stays_open(tmp_path):
    slope().save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(decode_rows(image), np.asarray(slope()))
        image.load()
    with pytest.raises(ImageError, match="one cannot be read"), opened(tmp_path / "a.png", name="one"):
        raise OSError("the disk is gone")


@pytest.mark.parametrize(("height", "width"), [(1, 60_000), (60_000, 1), (3, 500_001), (2, 70_001)])
def test_a_long_strip_is_cut_to_its_middle_before_it_is_resized(height, width):
    import torch

    from residuum.data.streaming import fitting
    from residuum.evaluation.views import multi_scale, not_too_long

    places = np.arange(height * width, dtype=np.int64).reshape(height, width)
    strip = np.repeat((places * 5 % 251).astype(np.uint8)[None], 3, 0)
    ours, theirs = fit(strip, (24, 24), 28), fitting((24, 24), 28)(torch.from_numpy(strip)).numpy()
    assert ours.shape == theirs.shape == (3, 24, 24)
    rows, columns = middle((height, width), (224, 224), 256)
    cut = places[rows, columns]
    assert cut.size < 40 * min(height, width) ** 2 + 40
    assert cut[0, 0] - places[0, 0] == places[-1, -1] - cut[-1, -1]  # as much from both ends
    assert not_too_long(torch.from_numpy(strip), 256).numel() * (256 / min(height, width)) ** 2 < 3 * 2**26
    assert callable(multi_scale)


def test_ordinary_images_are_not_cut():
    for shape in ((500, 375), (100, 5_000), (224, 224), (10, 3_000)):
        assert middle(shape, (224, 224), 256) == (slice(None), slice(None))
