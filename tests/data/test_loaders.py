import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from residuum.data import ArrayImages, EvaluationLoader, FileImages, MemoryLoader, StreamLoader, decode, open_data
from residuum.data.augment import Variation, build_variation
from residuum.data.loaders import training_batches, training_order
from residuum.data.streaming import TrainingPictures
from residuum.seeds import drawing


@pytest.fixture
def numbered():
    """Return pictures whose label is their number, and whose pixels are too."""
    numbers = torch.arange(50)
    return ArrayImages(numbers.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous(), numbers)


@pytest.fixture
def photographs(tmp_path, digit_folder):
    """Return files of more than one size, so that they are decoded as they are needed."""
    from PIL import Image

    Image.new("RGB", (90, 70), "red").save(digit_folder / "digit-0" / "large.png")
    dataset = open_data(digit_folder)
    assert isinstance(dataset.train, FileImages)
    return dataset


def as_list(batches):
    return [(pixels.clone(), labels.clone()) for pixels, labels in batches]


def same(a, b):
    return len(a) == len(b) and all(x.equal(u) and y.equal(v) for (x, y), (u, v) in zip(a, b, strict=True))


def test_an_epoch_shows_each_picture_once_and_another_order_next_time(numbered):
    loader = MemoryLoader(numbered, batch_size=10, seed=0)
    first, second = ([label for _, labels in loader.batches(epoch) for label in labels.tolist()] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert all((pixels.flatten(1)[:, 0] == labels).all() for pixels, labels in loader.batches(0))


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 300), batch_size=st.integers(1, 64))
def test_the_last_batch_is_left_out_unless_it_is_the_only_one(count, batch_size):
    images = ArrayImages(torch.zeros(count, 1, 2, 2, dtype=torch.uint8), torch.arange(count))
    loader = MemoryLoader(images, batch_size, seed=0)
    sizes = [len(labels) for _, labels in loader.batches(0)]
    assert len(sizes) == len(loader) == training_batches(count, batch_size)
    assert sizes == ([count] if count < batch_size else [batch_size] * (count // batch_size))


def test_any_step_can_be_started_from(numbered):
    loader = MemoryLoader(numbered, batch_size=8, seed=3, pad=1, flip=True)
    whole = as_list(loader.batches(2))
    assert same(as_list(loader.batches(2, start=4)), whole[4:])


def test_the_same_bits_for_any_number_of_workers_and_from_any_step(photographs):
    loaders = [StreamLoader(photographs.train, 8, seed=1, size=(16, 16), workers=workers) for workers in (0, 2)]
    whole = [as_list(loader.batches(1)) for loader in loaders]
    assert same(*whole)
    assert same(as_list(loaders[1].batches(1, start=2)), whole[0][2:])
    assert not same(as_list(loaders[0].batches(0)), whole[0])
    assert {tuple(pixels.shape[1:]) for pixels, _ in whole[0]} == {(3, 16, 16)}


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_draws_nothing_from_the_global_generator(photographs, workers):
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    as_list(StreamLoader(photographs.train, 8, seed=1, size=(16, 16), workers=workers).batches(0))
    as_list(EvaluationLoader(photographs.val, 8, (16, 16), 20, workers))
    assert torch.rand(2).equal(expected)


@pytest.mark.parametrize("batch_size", [1, 7, 50, 64])
def test_evaluation_shows_every_picture_once_in_order(numbered, batch_size):
    loader = EvaluationLoader(numbered, batch_size, (4, 4))
    batches = as_list(loader)
    assert len(batches) == len(loader)
    assert torch.cat([labels for _, labels in batches]).equal(torch.arange(50))


def test_evaluation_crops_the_middle(tmp_path):
    from PIL import Image

    wide = Image.new("RGB", (60, 20), "red")
    wide.paste(Image.new("RGB", (20, 20), "lime"), (20, 0))
    wide.save(tmp_path / "wide.png")
    images = FileImages(tmp_path, ["wide.png"], torch.tensor([0]))
    ((middle, _),) = EvaluationLoader(images, 1, (16, 16), resize=20)
    assert middle.float().mean((0, 2, 3)).tolist() == [0, 255, 0]
    ((whole, _),) = EvaluationLoader(images, 1, (16, 16))
    assert whole[0, 0].float().mean() > 100  # stretched: the red sides are in


def test_the_order_is_what_it_was():
    """Golden, made on 2026-11-23: a change would change every run's numbers."""
    assert training_order(6, seed=0, epoch=0).tolist() == [5, 0, 3, 2, 1, 4]


def test_a_picture_is_varied_anew_in_each_step_and_epoch(photographs):
    """Every picture is the same one, so that only the variation differs."""
    draw = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    alike = ArrayImages(draw.expand(64, -1, -1, -1).contiguous(), torch.zeros(64, dtype=torch.long))
    loader = MemoryLoader(alike, batch_size=32, seed=0, pad=4, flip=True)
    first, second = (pixels for pixels, _ in loader.batches(0))
    assert not first.equal(second)
    assert not first.equal(next(loader.batches(1))[0])
    one = FileImages(photographs.train.root, photographs.train.names[:1], photographs.train.labels[:1])
    files = StreamLoader(one, 1, seed=0, size=(16, 16), workers=0)
    assert len({next(files.batches(epoch))[0].numpy().tobytes() for epoch in range(4)}) > 1


def test_alternating_flips_show_both_sides_of_every_picture_in_two_epochs():
    count = 40
    ramp = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1) * 4 + torch.tensor([0, 1], dtype=torch.uint8)
    images = ArrayImages(ramp, torch.arange(count))  # one channel, 1 x 2 pixels: left is darker
    loader = MemoryLoader(images, batch_size=10, seed=0, flip=True, flip_mode="alternate")

    def sides(epoch):
        mirrored = torch.zeros(count, dtype=torch.bool)
        for pixels, labels in loader.batches(epoch):
            mirrored[labels] = pixels[:, 0, 0, 0] > pixels[:, 0, 0, 1]
        return mirrored

    first = sides(0)
    assert 5 < first.sum() < 35, "a random half to begin with"
    assert sides(1).equal(~first) and sides(2).equal(first)
    straight = MemoryLoader(images, batch_size=10, seed=0, flip=False, flip_mode="alternate")
    assert all((pixels[:, 0, 0, 0] < pixels[:, 0, 0, 1]).all() for pixels, _ in straight.batches(0))


def test_the_first_epochs_may_be_smaller(numbered):
    side = numbered.pixels.shape[-1]
    variation = Variation(size=(side, side), early_size=(side - 1, side - 2), early_epochs=2)
    loader = MemoryLoader(numbered, batch_size=8, seed=0, variation=variation)
    sizes = [tuple(next(loader.batches(epoch))[0].shape[-2:]) for epoch in range(4)]
    assert sizes == [(side - 1, side - 2)] * 2 + [(side, side)] * 2


@pytest.mark.parametrize("how", ["trivialaugment", None])
def test_crop_and_mirror_are_torchvisions_bit_by_bit(photographs, how):
    """The plain reference: torchvision's transforms called one after the other."""
    from torchvision.transforms import v2

    variation = Variation(build_variation(how, 0.5 if how else 0.0, (0.4, 0.5, 0.6)), crop_scale=0.2)
    crop = v2.RandomResizedCrop((16, 12), scale=(0.2, 1.0), antialias=True)
    plain = v2.Compose([crop, v2.RandomHorizontalFlip(), *([variation.vary] if how else [])])
    pictures = TrainingPictures(photographs.train, (16, 12), seed=3, epoch=2, variation=variation)
    batch, labels = pictures.__getitems__(range(40))
    for index in range(40):
        with drawing(3, "augment", 2, index):
            expected = plain(decode(photographs.train.root / photographs.train.names[index]).contiguous())
        assert batch[index].equal(expected)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert labels.equal(photographs.train.labels[:40])
