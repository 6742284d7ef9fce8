"""The packed cache: the pictures that the transforms prescribe, never a stale one, and never half a file."""

import multiprocessing
import os
import pickle
import shutil

import pytest
import torch
from PIL import Image

from residuum.data import EvaluationLoader, StreamLoader, decode, open_data, pack_images, split_off
from residuum.data.packed import Packed, kept_at
from residuum.data.packing import quiet
from residuum.data.streaming import fitting_shorter
from residuum.errors import DiskError, InputError
from residuum.seeds import drawing


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photographs(tmp_path):
    """Return a folder of two classes with pictures of several sizes and kinds, some smaller than what is kept."""
    root = tmp_path / "photographs"
    draw = torch.Generator().manual_seed(0)
    for label in "ab":
        (root / label).mkdir(parents=True)
        for number in range(14):
            height, width = [(30, 47), (53, 29), (20, 20), (15, 40)][number % 4]
            coarse = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8, generator=draw)
            rows = torch.nn.functional.interpolate(coarse[None], (height, width), mode="bilinear")[0].permute(1, 2, 0)
            name = f"{number:02}.{'png' if number % 3 else 'jpg'}"
            Image.fromarray(rows.contiguous().numpy()).save(root / label / name)
    return root


def content(dataset):
    """Return every picture's name, pixels and label."""
    return [
        (name, images.picture(index).clone(), int(images.labels[index]))
        for images in (dataset.train, dataset.val)
        for index, name in enumerate(images.names)
    ]


def test_the_kept_pictures_are_those_of_the_files(photographs):
    dataset = open_data(photographs)
    for name, pixels, label in content(pack_images(dataset, 24)):
        plain = decode(photographs / name)
        expected = plain if min(plain.shape[1:]) <= 24 else fitting_shorter(24)(plain)
        assert pixels.equal(expected), name
        assert dataset.classes[label] == name[0]


def test_evaluation_sees_the_same_bits_and_training_crops_of_the_kept_pictures(photographs):
    from torchvision.transforms import v2

    dataset, held = open_data(photographs), pack_images(open_data(photographs), 24)
    for plain, cached in zip(
        EvaluationLoader(dataset.val, 4, (21, 21), 24), EvaluationLoader(held.val, 4, (21, 21), 24), strict=True
    ):
        assert plain[0].equal(cached[0])
        assert plain[1].equal(cached[1])
    crop = v2.Compose([v2.RandomResizedCrop((21, 21), scale=(0.35, 1.0)), v2.RandomHorizontalFlip()])
    loader = StreamLoader(held.train, len(held.train), seed=1, size=(21, 21), workers=0)
    ((pixels, _),) = loader.batches(5)
    order = torch.randperm(len(held.train), generator=torch.Generator().manual_seed(_seed_of_order(1, 5)))
    for place, index in enumerate(order.tolist()):
        with drawing(1, "augment", 5, index):
            assert pixels[place].equal(crop(held.train.picture(index).contiguous()))


def _seed_of_order(seed, epoch):
    from residuum.seeds import seed_of

    return seed_of(seed, "order", epoch)


def test_the_same_bits_for_any_number_of_workers(photographs):
    held = pack_images(open_data(photographs), 24)
    epochs = [list(StreamLoader(held.train, 4, 1, (16, 16), workers).batches(0)) for workers in (0, 2)]
    assert all(a.equal(b) for one, two in zip(*epochs, strict=True) for a, b in zip(one, two, strict=True))


def test_nothing_is_decoded_once_it_is_kept(photographs, monkeypatch):
    before = content(pack_images(open_data(photographs), 24))

    def refuse(source):
        raise AssertionError(f"{source} was decoded")

    for module in ("dataset", "folder", "packing"):
        monkeypatch.setattr(f"residuum.data.{module}.decode", refuse)
    after = content(pack_images(open_data(photographs), 24))  # not even to look which ones are damaged
    assert [(name, label) for name, _, label in before] == [(name, label) for name, _, label in after]
    assert all(a[1].equal(b[1]) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("change", ["content", "time", "new", "renamed", "removed", "moved"])
def test_a_changed_folder_is_never_served_from_before(photographs, change, monkeypatch):
    pack_images(open_data(photographs), 24)
    victim = photographs / "a" / "01.png"
    if change == "content":
        Image.new("RGB", (40, 40), "red").save(victim)
    elif change == "time":  # as after an edit that left the size as it was
        rows = bytearray(victim.read_bytes())
        Image.new("RGB", (40, 40), "blue").save(victim)
        size = victim.stat().st_size
        victim.write_bytes(victim.read_bytes() + bytes(max(0, len(rows) - size)))
        os.utime(victim, ns=(1, 1))
    elif change == "new":
        Image.new("RGB", (40, 40), "red").save(photographs / "b" / "new.png")
    elif change == "renamed":
        victim.rename(photographs / "a" / "other.png")
    elif change == "removed":
        victim.unlink()
    else:
        shutil.move(victim, photographs / "b" / "moved.png")
    decoded = []
    monkeypatch.setattr("residuum.data.packing.decode", lambda path: decoded.append(path) or decode(path))
    dataset = pack_images(open_data(photographs), 24)
    for name, pixels, _ in content(dataset):
        plain = decode(photographs / name)
        assert pixels.equal(plain if min(plain.shape[1:]) <= 24 else fitting_shorter(24)(plain)), name
    assert len(decoded) == (change != "removed")  # the others are copied
    assert ("a/01.png" in dataset.train.packed.rows) == (change not in ("renamed", "moved"))


def test_a_part_and_a_split_are_kept_in_the_same_file(photographs):
    part = pack_images(open_data(f"{photographs}[:8,:2]"), 24)
    assert len(part.train.packed) == 10
    assert len(pack_images(open_data(f"{photographs}[:9,:1]"), 24).train.packed) == 11  # what was kept stays
    whole = pack_images(split_off(open_data(photographs), 0.2), 24)
    assert len(whole.train.packed) == 28
    assert len(pack_images(open_data(f"{photographs}[:8,:2]"), 24).train.packed) == 28
    assert len(whole.test) + len(whole.val) + len(whole.train) == 28
    assert whole.test.packed is not None
    assert split_off(pack_images(open_data(photographs), 24), 0.2).train.packed is not None


@pytest.mark.parametrize("damage", ["cut", "text", "bytes", "other", "empty", "version"])
def test_a_damaged_or_foreign_file_is_written_anew_and_that_is_said(photographs, damage):
    before = content(pack_images(open_data(photographs), 24))
    path = kept_at(photographs, 24)
    written = path.read_bytes()
    if damage == "cut":
        path.write_bytes(written[: len(written) // 2])
    elif damage == "text":
        path.write_text("not this one")
    elif damage == "bytes":
        path.write_bytes(written[:5000] + bytes(2000) + written[7000:])
    elif damage == "version":
        path.write_bytes(written.replace(b"residuum pictures 1", b"residuum pictures 0"))
    elif damage == "other":
        from safetensors.torch import save_file

        save_file({"a": torch.zeros(3)}, path)
    else:
        path.write_bytes(b"")
    told = []
    after = content(pack_images(open_data(photographs), 24, told.append))
    assert f"the cache {path} cannot be used (" in told[0]
    assert "decoding its images again" in told[0]
    assert all(a[1].equal(b[1]) for a, b in zip(before, after, strict=True))


def test_no_room_is_said_before_anything_is_written(photographs, monkeypatch):
    dataset = open_data(photographs)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(DiskError, match="need 0.1 MB in .* 0.0 MB free; free space, set RESIDUUM_CACHE"):
        pack_images(dataset, 24)
    assert not kept_at(photographs, 24).exists()


def test_a_picture_that_has_been_damaged_since_is_named_and_nothing_is_left(photographs):
    dataset = open_data(photographs)
    (photographs / "a" / "01.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a/01\.png cannot be read as an image"):
        pack_images(dataset, 24)
    assert [path.name for path in kept_at(photographs, 24).parent.iterdir()] == ["lock"]


def test_pictures_in_memory_need_no_cache():
    with pytest.raises(InputError, match="those of digits are held in memory already; leave --cache out"):
        pack_images(open_data("digits"), 24)


def _pack(root, told):
    torch.set_num_threads(1)
    dataset = pack_images(open_data(root), 24, told.put)
    told.put(f"opened {len(dataset.train.packed)}")


def test_two_processes_at_a_time_write_one_file(photographs):
    forked = multiprocessing.get_context("fork")
    told = forked.Queue()
    both = [forked.Process(target=_pack, args=(photographs, told)) for _ in range(2)]
    for process in both:
        process.start()
    said = [told.get(timeout=60) for _ in range(3)]
    for process in both:
        process.join(60)
    while not told.empty():
        said.append(told.get())
    assert sum(line.startswith("decoding 28 images") for line in said) == 1
    assert said.count("opened 28") == 2


def test_a_worker_that_is_not_forked_maps_the_file_itself(photographs):
    held = pack_images(open_data(photographs), 24, quiet).train.packed
    sent = pickle.dumps(held)
    assert len(sent) < 1000
    assert pickle.loads(sent).picture("a/01.png").equal(held.picture("a/01.png"))
    assert isinstance(held, Packed)


@pytest.mark.parametrize("place", ["file/cache", "y" * 300], ids=["below a file", "a long name"])
def test_a_cache_that_cannot_be_made_names_its_variable(photographs, tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / place))
    dataset = open_data(photographs)  # looks into the cache, too
    with pytest.raises(
        DiskError, match=r"could not write .*set RESIDUUM_CACHE to a folder elsewhere, or leave --cache"
    ):
        pack_images(dataset, 24)
