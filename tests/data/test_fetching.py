"""What goes wrong in a worker is the same one line as in this process, and the run can be resumed."""

import os

import pytest
import torch
from PIL import Image

from residuum import create_model
from residuum.data import EvaluationLoader, StreamLoader, open_data
from residuum.data.fetching import fetch
from residuum.errors import DiskError, ImageError, InputError
from residuum.evaluation import predictions_of
from residuum.training import new_run, resumed_run, train


@pytest.fixture
def files(digit_folder):
    """A folder that is read from files, since not all of its images have one size."""
    Image.new("RGB", (90, 70)).save(digit_folder / "digit-0" / "large.png")
    return digit_folder


def batches(kind, dataset, workers):
    if kind == "training":
        return StreamLoader(dataset.train, 8, 0, (8, 8), workers=workers).batches(0)
    if kind == "evaluation":
        return EvaluationLoader(dataset.train, 8, (8, 8), workers=workers)
    model = create_model("cifar_resnet", depth=8, num_classes=3)
    return [predictions_of(model, dataset, split="train", workers=workers)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["training", "evaluation", "predictions"])
def test_an_image_that_vanishes_is_one_line(files, kind, workers):
    dataset = open_data(files)
    (files / dataset.train.names[3]).unlink()
    with pytest.raises(ImageError, match=rf"^expected an image, but there is no file .*{dataset.train.names[3]}$"):
        list(batches(kind, dataset, workers))


def test_an_image_that_is_damaged_meanwhile_is_one_line(files):
    dataset = open_data(files)
    (files / dataset.train.names[3]).write_bytes(b"")
    with pytest.raises(ImageError, match=r"cannot be read as an image \([^\n]*\); replace or remove it$"):
        list(batches("training", dataset, 1))


class Failing:
    """Items that raise what they hold."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if self.error is None:
            os._exit(3)
        raise self.error


@pytest.mark.parametrize("error", [DiskError("full"), InputError("no"), ImageError("a.png is odd", "odd")])
@pytest.mark.parametrize("workers", [0, 1])
def test_errors_keep_their_kind_and_words(error, workers):
    with pytest.raises(type(error), match=f"^{error}$") as caught:
        list(fetch(Failing(error), workers, batch_size=2))
    assert caught.value.exit_code == error.exit_code
    assert getattr(caught.value, "reason", None) == getattr(error, "reason", None)


def test_a_worker_that_is_killed_is_one_line():
    with pytest.raises(InputError, match=r"a process that decodes images exited \([^\n]*\); use fewer --workers"):
        list(fetch(Failing(None), 1, batch_size=2))


def test_what_the_user_cannot_mend_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError, match="Traceback"):
        list(fetch(Failing(ZeroDivisionError("a fault")), 1, batch_size=2))


def test_a_run_whose_image_vanished_is_resumed_to_the_same_weights(files, tmp_path):
    given = {"data": str(files), "model": "cifar_resnet", "model_arguments": {"depth": 8}, "image_size": [8, 8],
             "epochs": 2, "batch_size": 16, "workers": 1, "threads": 1, "precision": "fp32"}  # fmt: skip
    whole = new_run(tmp_path / "whole", given)
    list(train(whole, report=False))
    broken = new_run(tmp_path / "broken", given)
    name = files / broken.dataset.train.names[5]
    content, stamp = name.read_bytes(), name.stat().st_mtime_ns
    with pytest.raises(ImageError, match=f"there is no file {name}"):
        for event in train(broken, report=False):
            if type(event).__name__ == "Epoch":
                name.unlink()
    name.write_bytes(content)
    os.utime(name, ns=(stamp, stamp))
    list(train(resumed_run(tmp_path / "broken", {}), report=False))
    for file in ("last.safetensors", "summary.csv"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_the_limit_of_a_folder_holds_in_scan_workers_and_cache(files, tmp_path, monkeypatch):
    from residuum.data import pack_images
    from residuum.data.overview import overview

    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "cache"))
    small = open_data(files, max_pixels=6_299)
    assert any("digit-0/large.png" in note and "more than 6,299 pixels" in note for note in small.notes)
    wide = open_data(files, max_pixels=6_300)
    assert not any("large" in note for note in wide.notes)
    assert pack_images(wide, 32).train.packed is not None
    assert wide.train.max_pixels == 6_300
    assert "more than 99 pixels" in overview(files, max_pixels=99)["unreadable"][0]["problem"]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    assert torch.cat([pixels for pixels, _ in batches("evaluation", wide, 1)]).shape[0] == len(wide.train)


def test_the_limit_is_a_setting_of_the_run(files, tmp_path):
    given = {"data": str(files), "model": "cifar_resnet", "model_arguments": {"depth": 8}, "image_size": [8, 8],
             "epochs": 1, "batch_size": 16, "precision": "fp32", "max_pixels": 6_299}  # fmt: skip
    begun = new_run(tmp_path / "run", given)
    assert begun.settings.max_pixels == 6_299
    assert any("large.png" in note for note in begun.dataset.notes)
    with pytest.raises(InputError, match="max_pixels: saved 6299, asked 6300"):
        resumed_run(tmp_path / "run", {"max_pixels": 6_300})
