"""What a folder holds, against what was put there."""

import pytest
import torch
from PIL import Image

from residuum.data import overview as room
from residuum.data.overview import overview
from residuum.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Return a folder of five sound pictures of two colours and two kinds, and a damaged one."""
    for name, size, colour in [
        ("cat/1.png", (40, 30), (255, 0, 0)),
        ("cat/2.png", (40, 30), (255, 0, 0)),
        ("cat/3.jpg", (20, 50), (255, 0, 0)),
        ("dog/1.png", (40, 30), (0, 0, 255)),
        ("dog/2.png", (8, 9), (0, 0, 255)),
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", size, colour).save(tmp_path / name, quality=100, subsampling=0)
    (tmp_path / "dog" / "3.jpg").write_bytes(b"no picture")
    return tmp_path


def test_counts_sizes_and_damage(folder):
    found = overview(folder, size=16, side=24)
    assert found["pictures"] == sum(found["sides"].values()) == 6
    assert found["classes"] == {"cat": 3, "dog": 2}
    assert found["formats"] == {"PNG RGB": 4, "JPEG RGB": 1}
    assert [damaged["name"] for damaged in found["unreadable"]] == ["dog/3.jpg"]
    assert found["height"] == {"least": 9, "median": 30, "most": 50, "sum": 30 * 3 + 50 + 9}
    assert found["width"]["median"] == 40
    assert found["smallest"] == {"name": "dog/2.png", "height": 9, "width": 8}
    assert found["largest"]["name"] in ("cat/1.png", "cat/2.png", "dog/1.png")  # not the highest one
    assert found["bytes"]["sum"] == sum((folder / name).stat().st_size for name in
                                        ("cat/1.png", "cat/2.png", "cat/3.jpg", "dog/1.png", "dog/2.png"))  # fmt: skip
    assert found["cache_bytes"] == 3 * (3 * 24 * 32 + 20 * 50 + 8 * 9)  # what is smaller stays as it is


def test_colours_are_those_of_all_pixels(folder):
    found = overview(folder, size=16, side=24)
    red, blue = 2 * 1200 + 1000, 1200 + 72
    share = red / (red + blue)
    assert found["mean"] == pytest.approx([share, 0, 1 - share], abs=0.004)
    deviation = (share * (1 - share)) ** 0.5
    assert found["std"] == pytest.approx([deviation, 0, deviation], abs=0.004)


def test_the_whole_way_is_the_sum_of_its_parts(folder, monkeypatch):
    now = iter(range(10**6))
    monkeypatch.setattr(room, "_each", lambda work, items, clock=None: [work(item) for item in items] and next(now) + 1)
    rates = overview(folder, size=16, side=24)["images_per_core_second"]
    seconds = {part: 1 / rate for part, rate in rates.items()}
    parts = ("decode", "transform", "collate", "normalise")
    assert seconds["all, decoded"] == pytest.approx(sum(seconds[part] for part in parts))
    kept = seconds["transform from a cache"] + seconds["collate"] + seconds["normalise"]
    assert seconds["all, from a cache"] == pytest.approx(kept)
    assert seconds["collate"] == pytest.approx(4 / 5)  # a batch of five


def test_what_is_looked_at_draws_and_leaves_nothing(folder):
    before = {path.name for path in folder.rglob("*")}
    state = torch.get_rng_state()
    overview(folder, size=16, side=24)
    assert {path.name for path in folder.rglob("*")} == before
    assert torch.get_rng_state().equal(state)


def test_a_folder_without_a_sound_picture_is_looked_at_all_the_same(folder):
    for path in folder.rglob("*.*"):
        path.write_bytes(b"no picture")
    found = overview(folder)
    assert len(found["unreadable"]) == found["pictures"] == 6
    assert found["smallest"] is None
    assert "mean" not in found
    assert found["images_per_core_second"] == {}
    with pytest.raises(InputError, match="expected a folder of images, but .*nowhere is not there"):
        overview(folder / "nowhere")
