"""The vectorised batch operations against loops that do the same one picture at a time."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from residuum.data.pixels import Normalise, match_channels, pad_crop_flip, reflected, resize_batch
from residuum.errors import InputError
from residuum.seeds import generator


def one_by_one(pixels, pad, flip, draw):
    """Pad, crop and flip each picture by itself, in the order of draws that the batch version has."""
    count, _, height, width = pixels.shape
    down = torch.randint(0, 2 * pad + 1, (count,), generator=draw)
    right = torch.randint(0, 2 * pad + 1, (count,), generator=draw)
    mirrored = torch.randint(0, 2, (count,), generator=draw)
    done = []
    for picture, y, x, mirror in zip(pixels, down.tolist(), right.tolist(), mirrored.tolist(), strict=True):
        window = F.pad(picture, (pad,) * 4)[:, y : y + height, x : x + width]
        done.append(window.flip(2) if mirror and flip else window)
    return torch.stack(done)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 9),
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    pad=st.integers(0, 4),
    flip=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_pad_crop_flip_is_the_loop(count, channels, height, width, pad, flip, seed):
    pixels = torch.randint(
        0, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator(seed, "order")
    )
    batch = pad_crop_flip(pixels, pad, flip, generator(seed, "augment"))
    assert batch.dtype == torch.uint8
    assert batch.equal(one_by_one(pixels, pad, flip, generator(seed, "augment")))


def test_pad_crop_flip_reaches_every_offset_and_both_sides():
    pixels = torch.arange(1, 10, dtype=torch.uint8).view(1, 1, 3, 3).expand(2000, -1, -1, -1).contiguous()
    seen = {tuple(picture.flatten().tolist()) for picture in pad_crop_flip(pixels, 1, True, generator(0, "augment"))}
    assert len(seen) == 18  # 9 offsets, each mirrored or not


def test_pad_crop_flip_leaves_its_input_alone_and_ignores_threads():
    pixels = torch.randint(0, 256, (64, 3, 8, 8), dtype=torch.uint8)
    before = pixels.clone()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(pad_crop_flip(pixels, 2, True, generator(3, "augment")))
    assert results[0].equal(results[1])
    assert pixels.equal(before)


def test_normalise_is_the_formula():
    pixels = torch.randint(0, 256, (4, 3, 5, 6), dtype=torch.uint8)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    expected = (pixels.double() / 255 - torch.tensor(mean, dtype=torch.float64).view(3, 1, 1)) / torch.tensor(
        std, dtype=torch.float64
    ).view(3, 1, 1)
    got = Normalise(mean, std)(pixels)
    assert got.dtype == torch.float32
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got.double(), expected, rtol=0, atol=2e-6)


def test_grey_and_colour_are_matched_to_the_network():
    grey = torch.randint(0, 256, (2, 1, 4, 4), dtype=torch.uint8)
    assert match_channels(grey, 3).equal(grey.repeat(1, 3, 1, 1))
    colour = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    assert match_channels(colour, 1).item() == 76  # 0.299 * 255
    with pytest.raises(InputError, match="takes 5 channels and the images have 3"):
        match_channels(colour, 5)


def test_resize_is_left_out_where_it_fits():
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert resize_batch(pixels, (8, 8)) is pixels
    assert resize_batch(pixels, (4, 6)).shape == (2, 3, 4, 6)


@pytest.mark.parametrize(("height", "width", "pad"), [(5, 7, 0), (5, 7, 2), (4, 3, 2)])
def test_reflected_is_torchs_reflection_which_takes_no_bytes(height, width, pad):
    pixels = torch.randint(0, 256, (3, 2, height, width), dtype=torch.uint8)
    expected = F.pad(pixels.float(), (pad,) * 4, "reflect").to(torch.uint8)
    assert reflected(pixels, pad).equal(expected)


def test_shifted_pictures_show_their_mirror_image_beyond_the_border():
    pixels = torch.arange(1, 17, dtype=torch.uint8).view(1, 1, 4, 4).repeat(64, 1, 1, 1)
    dark = pad_crop_flip(pixels, 1, False, generator(0, "augment"))
    full = pad_crop_flip(pixels, 1, False, generator(0, "augment"), mode="reflect")
    assert (dark == 0).any() and not (full == 0).any()
    assert full[dark != 0].equal(dark[dark != 0]), "the same offsets"


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 3, 1, 1), (3, 1, 4, 6), (2, 4, 3, 3)])
def test_normalise_works_on_rows_and_gives_the_bits_of_single_pixels(shape):
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8)
    channels = 3 if shape[1] == 1 else shape[1]  # grey is repeated
    normalise = Normalise((0.4, 0.5, 0.6, 0.7)[:channels], (0.2, 0.25, 0.3, 0.35)[:channels])
    for batch in (pixels, pixels.contiguous(memory_format=torch.channels_last), pixels.flip(0)[:, :, ::2]):
        plain = torch.addcmul(normalise.shift, match_channels(batch, channels).float(), normalise.scale)
        assert normalise(batch).equal(plain)
