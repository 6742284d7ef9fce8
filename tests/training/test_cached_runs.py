"""Runs on a folder that is decoded once."""

import pytest
from PIL import Image

from residuum.data.packed import kept_at
from residuum.errors import InputError
from residuum.training import facts, new_run, resumed_run, train

SMALL = {"model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 2, "batch_size": 16,
         "precision": "fp32", "threads": 1, "image_size": [16, 16]}  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "cache"))


def finish(run):
    list(train(run, report=False))
    return {name: (run.directory / name).read_bytes() for name in ("summary.csv", "steps.csv", "last.safetensors")}


def test_a_run_is_the_same_whether_its_cache_was_there_gone_or_broken_off(digit_folder, tmp_path):
    for number in range(5):  # pictures of several sizes are not held in memory
        Image.linear_gradient("L").resize((40 + number, 30)).save(digit_folder / "digit-0" / f"large{number}.png")
    given, told = {**SMALL, "data": str(digit_folder), "cache": "auto"}, []
    run = new_run(tmp_path / "whole", given, tell=told.append)
    assert told[0].startswith("decoding 65 images of")
    assert run.settings.cache == run.settings.resize == 18
    assert facts(run)["cache"].startswith("images decoded once, at 18 pixels on the shorter side (what evaluation")
    whole = finish(run)
    again = new_run(tmp_path / "again", given, tell=told.append)
    assert len(told) == 1
    steps = train(again, report=False)
    next(steps)
    steps.close()
    kept_at(digit_folder, 18).unlink()
    assert finish(resumed_run(tmp_path / "again", {"cache": "auto"}, tell=told.append)) == whole
    assert len(told) == 2
    assert finish(new_run(tmp_path / "files", {**given, "cache": 0})) != whole  # crops of the files are others


def test_a_resumed_run_keeps_to_its_cache_or_to_its_files(digit_folder, tmp_path):
    Image.new("RGB", (40, 30), "red").save(digit_folder / "digit-0" / "large.png")
    given = {**SMALL, "data": str(digit_folder)}
    new_run(tmp_path / "files", given)
    with pytest.raises(InputError, match="cache: saved 0, asked auto. Leave them out"):
        resumed_run(tmp_path / "files", {"cache": "auto"})
    new_run(tmp_path / "cached", {**given, "cache": 24})
    with pytest.raises(InputError, match="cache: saved 24, asked 30. Leave them out"):
        resumed_run(tmp_path / "cached", {"cache": 30})
    assert resumed_run(tmp_path / "cached", {"cache": "auto"}).dataset.train.packed.path.name == "24.safetensors"
