"""Every kind of pixel comes out as 8-bit RGB by its rule: nothing sound looks black or white."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from residuum.errors import ImageError
from residuum_runtime.pictures import decode_rows

RAMP = np.linspace(0, 1, 4096).reshape(64, 64)
EIGHT = np.arange(256, dtype=np.uint8).reshape(16, 16)


def through(image, kind="TIFF", **how):
    held = io.BytesIO()
    image.save(held, kind, **how)
    held.seek(0)
    return decode_rows(held)


def numbers(array, **how):
    return through(Image.fromarray(array), **how)


@pytest.mark.parametrize("top", [1, 255, 4095, 65535])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint16])
def test_a_ramp_stays_a_ramp(top, dtype):
    if top == 1 and dtype is not np.float32:
        pytest.skip("whole numbers have no range of 0 to 1")
    values = (RAMP * top).astype(dtype)
    found = numbers(values)
    assert found.shape == (64, 64, 3) and (found[..., 0] == found[..., 2]).all()
    assert found.min() == 0 and found.max() == 255
    np.testing.assert_allclose(found[..., 0], RAMP * 255, atol=1.1)


def test_full_range_grey_of_16_bits_is_divided_by_257():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = (values // 257).astype(np.uint8)
    for kind in ("TIFF", "PNG"):
        assert np.array_equal(numbers(values, kind=kind)[..., 1], expected)


def big_endian_tiff(array):
    """Return a grey TIFF of 16 bits, the higher byte first."""
    height, width = array.shape
    rows = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8 + 2 + 9 * 12 + 4), (277, 1),
            (278, height), (279, array.nbytes)]  # fmt: skip
    directory = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in rows)
    return b"MM\0*" + struct.pack(">IH", 8, len(rows)) + directory + bytes(4) + array.astype(">u2").tobytes()


def test_big_endian_files_are_read_alike():
    for top in (255, 4095, 65535):
        values = (RAMP * top).astype(np.uint16)
        assert np.array_equal(decode_rows(io.BytesIO(big_endian_tiff(values))), numbers(values))


def test_eight_bits_in_wider_numbers_keep_their_levels():
    for dtype in (np.uint16, np.int32, np.float32):
        assert np.array_equal(numbers(EIGHT.astype(dtype))[..., 0], EIGHT)
    assert np.array_equal(numbers(EIGHT.astype(np.float32) / 255)[..., 0], EIGHT)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array([[-1.5, 2.0]], np.float32), r"from -1.5 to 2, beyond 0 to 65535\); save it with 8 or 16 bits"),
        (np.array([[0.0, np.nan]], np.float32), "not all finite"),
        (np.array([[0.0, np.inf]], np.float32), "not all finite"),
        (np.array([[0, 70_000]], np.int32), "from 0 to 70000, beyond 0 to 65535"),
        (np.array([[-3, 70]], np.int32), "from -3 to 70, beyond"),
        (np.array([[0.0, 2.5]], np.float32), "reach to 2.5, neither to 1 nor to 255"),
    ],
)
def test_numbers_without_a_range_are_refused_by_name(values, match, tmp_path):
    Image.fromarray(values).save(tmp_path / "scan.tif")
    with pytest.raises(ImageError, match=rf"scan\.tif cannot be read as an image \(.*{match}"):
        decode_rows(tmp_path / "scan.tif")


def colours():
    y, x = np.mgrid[0:32, 0:32]
    return Image.fromarray(np.stack([x * 8, y * 8, 255 - x * 8], -1).astype(np.uint8))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "P", "HSV"])
def test_colours_survive_their_spaces(mode):
    image = colours().convert(mode)
    found = through(image) if mode in ("CMYK", "YCbCr", "P") else decode_rows(image)
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(found - expected).max() <= 1
    tolerance = 60 if mode == "P" else 8
    assert np.abs(found - np.asarray(colours()).astype(int)).max() <= tolerance


def test_lab_is_converted():
    white, grey, red = (255, 0, 0), (137, 0, 0), (136, 80, 67)  # as a file holds them: L, and a and b with a sign
    image = Image.frombytes("LAB", (3, 1), bytes([*white, *grey, *red]))
    found = decode_rows(image)[0].astype(int)
    assert (found[0] >= 250).all() and np.ptp(found[1]) <= 3 and 110 < found[1, 0] < 145
    assert found[2, 0] > 230 and found[2, 1:].max() < 40


def test_adobe_cmyk_of_a_jpeg_is_not_inverted():
    found = through(colours().convert("CMYK"), "JPEG", quality=95).astype(int)
    assert np.abs(found - np.asarray(colours())).mean() < 12


def test_one_bit_is_black_and_white():
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert through(image, "PNG")[..., 0].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "La", "RGBa"])
def test_transparency_is_laid_on_white(mode):
    clear, solid = (10, 10, 10, 0), (10, 10, 10, 255)
    image = Image.new("RGBA", (2, 1), clear)
    image.putpixel((1, 0), solid)
    for step in {"La": ["LA", "La"]}.get(mode, [mode]):
        image = image.convert(step)
    assert decode_rows(image)[0].tolist() == [[255] * 3, [10] * 3]


def test_a_palettes_transparent_colour_is_white():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([9, 9, 9, 200, 0, 0])
    image.putpixel((1, 0), 1)
    assert through(image, "PNG", transparency=0)[0].tolist() == [[255] * 3, [200, 0, 0]]


def deep_png(values):
    """Return a colour PNG of 16 bits a channel."""
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = values.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    whole = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + whole)


def test_colour_of_16_bits_keeps_its_higher_byte_and_12_bits_are_refused():
    values = np.repeat((RAMP * 65535).astype(np.uint16)[..., None], 3, -1)
    assert np.array_equal(decode_rows(deep_png(values)), (values >> 8).astype(np.uint8))
    with pytest.raises(ImageError, match=r"16-bit colours that all lie below 4,096 would be black\); save it with 8"):
        decode_rows(deep_png(values >> 4))


def test_strips_are_the_whole(monkeypatch):
    monkeypatch.setattr("residuum_runtime.levels.STRIP", 100)
    draw = np.random.default_rng(0)
    for image in (
        Image.fromarray(draw.integers(0, 256, (33, 21, 4), np.uint8)),
        Image.fromarray(draw.integers(0, 65536, (33, 21), np.uint16)),
        Image.fromarray(draw.integers(0, 256, (33, 21, 3), np.uint8)).quantize(8),
    ):
        in_strips = decode_rows(image)
        with monkeypatch.context() as whole:
            whole.setattr("residuum_runtime.levels.STRIP", 1 << 22)
            assert np.array_equal(in_strips, decode_rows(image))
