"""Variation of single pictures, and drawing classes equally often."""

import pytest
import torch

from residuum.data import ArrayImages, FileImages, MemoryLoader, StreamLoader, open_data
from residuum.data.augment import Variation, build_variation
from residuum.data.loaders import balanced_order
from residuum.errors import InputError
from residuum.seeds import drawing


def pictures(count=12, side=8):
    return ArrayImages(torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8), torch.arange(count) % 3)


@pytest.mark.parametrize("name", ["trivialaugment", "randaugment", "randaugment-18"])
def test_a_pictures_variation_depends_on_seed_epoch_and_number_alone(name):
    images, variation = pictures(), Variation(build_variation(name, 0.5, (0.5,) * 3))
    together = variation.of_batch(images.pixels, 0, 3, torch.arange(12))
    torch.rand(9)  # somebody else draws
    alone = variation.of_batch(images.pixels[5:7], 0, 3, torch.tensor([5, 6]))
    assert alone.equal(together[5:7])
    assert not together.equal(images.pixels)
    assert not together.equal(variation.of_batch(images.pixels, 0, 4, torch.arange(12)))
    assert not together.equal(variation.of_batch(images.pixels, 1, 3, torch.arange(12)))
    assert (together.dtype, together.shape) == (torch.uint8, images.pixels.shape)


def test_the_variation_is_torchvisions():
    from torchvision.transforms import v2

    picture = pictures().pixels[0]
    ours = build_variation("randaugment-18", 0, (0.5,) * 3)
    theirs = v2.RandAugment(magnitude=18, interpolation=v2.InterpolationMode.BILINEAR)
    for seed in range(5):
        with drawing(seed, "vary"):
            expected = theirs(picture)
        with drawing(seed, "vary"):
            assert ours(picture).equal(expected)


def test_erasing_fills_with_the_mean():
    white = torch.full((3, 32, 32), 255, dtype=torch.uint8)
    with drawing(0, "vary"):
        erased = build_variation(None, 1.0, (0.2, 0.4, 0.6))(white)
    changed = (erased != white).any(0)
    assert 0.01 < changed.float().mean() < 0.4
    assert erased[:, changed].unique(dim=1).flatten().tolist() == [51, 102, 153]
    assert build_variation(None, 0, (0.5,)) is None


def test_in_memory_pictures_start_from_any_step_and_change_size():
    loader = MemoryLoader(pictures(), 4, 0, pad=1, flip=True,
                          variation=Variation(build_variation("trivialaugment", 0.2, (0.5,) * 3), size=(16, 16)))  # fmt: skip # noqa: E501
    whole = [pixels for pixels, _ in loader.batches(1)]
    assert whole[0].shape == (4, 3, 16, 16)
    assert all(a.equal(b) for a, (b, _) in zip(whole[1:], loader.batches(1, start=1), strict=True))


def test_files_are_varied_alike_by_any_number_of_workers(digit_folder):
    from PIL import Image

    Image.new("RGB", (90, 70), "red").save(digit_folder / "digit-0" / "large.png")
    images = open_data(digit_folder).train
    assert isinstance(images, FileImages)
    batches = {}
    for workers in (0, 2):
        for name in (None, "randaugment"):
            variation = Variation(build_variation(name, 0.3 if name else 0, (0.5,) * 3), crop_scale=0.08)
            loader = StreamLoader(images, 16, 0, (16, 16), workers, variation=variation, balanced=True)
            batches[workers, name] = torch.cat([pixels for pixels, _ in loader.batches(0)])
    assert batches[0, "randaugment"].equal(batches[2, "randaugment"])
    assert batches[0, None].equal(batches[2, None])
    assert not batches[0, None].equal(batches[0, "randaugment"])


def test_unequal_classes_are_drawn_equally_often():
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    order = balanced_order(labels, 0, 0)
    counts = torch.bincount(labels[order])
    assert len(order) == 1000
    assert ((counts - 1000 / 3).abs() < 4 * (1000 * 2 / 9) ** 0.5).all(), "four standard deviations of a fair draw"
    assert order.equal(balanced_order(labels, 0, 0))
    assert not order.equal(balanced_order(labels, 0, 1))
    assert order[labels[order] == 0].unique().numel() > 250, "not one picture again and again"


def test_a_balanced_loader_shows_rare_classes():
    images = ArrayImages(torch.zeros(100, 1, 4, 4, dtype=torch.uint8), torch.tensor([0] * 95 + [1] * 5))
    shown = torch.cat([labels for _, labels in MemoryLoader(images, 10, 0, balanced=True).batches(0)])
    assert 30 < shown.sum() < 70
    assert torch.cat([labels for _, labels in MemoryLoader(images, 10, 0).batches(0)]).sum() == 5


@pytest.mark.parametrize(
    ("name", "erasing", "message"),
    [("autoaugment", 0, "trivialaugment, randaugment or randaugment-N with N up to 30, got 'autoaugment'"),
     ("randaugment-31", 0, "got 'randaugment-31'"), (None, 1.5, "a probability, must be 0 to 1, got 1.5")],
)  # fmt: skip
def test_variations_that_there_are_not(name, erasing, message):
    with pytest.raises(InputError, match=message):
        build_variation(name, erasing, (0.5,) * 3)
