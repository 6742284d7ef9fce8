"""A missing path is answered with the names like it, whichever entry point reads it."""

from pathlib import Path

import pytest
from PIL import Image

import residuum
from residuum.deploy import export
from residuum.errors import InputError
from residuum.evaluation import predict
from residuum.experiments.study import study_data
from residuum.runs.compared import find_runs
from residuum.training import resumed_run
from residuum.weights import convert, examine, read_tensors
from residuum_runtime import Engine

READERS = {
    "load": (residuum.load, "model.safetensor", "model.safetensors"),
    "evaluate": (lambda path: residuum.evaluate(path, "digits"), "model.safetensor", "model.safetensors"),
    "weights": (lambda path: residuum.create_model("cifar_resnet", weights=path), "model.pth", "model.safetensors"),
    "read_tensors": (read_tensors, "modell.safetensors", "model.safetensors"),
    "examine": (examine, "model.bin", "model.safetensors"),
    "convert": (lambda path: convert(path, "safetensors", "x.safetensors"), "model.bin", "model.safetensors"),
    "export": (lambda path: export(path, "x", to="torch", precision="fp32"), "model.bin", "model.safetensors"),
    "open_data": (residuum.open_data, "PHOTO", "PHOTOS"),
    "a folder below": (residuum.open_data, "PHOTOS/cats", "cat"),
    "resumed_run": (lambda path: resumed_run(path, {}), "runs/photos-2", "photos-1"),
    "find_runs": (lambda path: find_runs(Path(path)), "run", "runs"),
    "Engine": (Engine, "exportd/model.onnx", "exported"),
    "a study": (lambda path: study_data(Path(path)), "studie", "studies"),
    "train_model": (lambda path: residuum.train_model("digits", output="o", model=path), "runs/photo-1", "photos-1"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("PHOTOS/cat", "runs/photos-1", "exported", "studies"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "model.safetensors").touch()
    Image.new("RGB", (8, 8)).save(tmp_path / "PHOTOS" / "cat" / "IMG_1.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", READERS)
def test_a_missing_path(folder, name):
    read, path, meant = READERS[name]
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputError, match=rf"did you mean {meant}[?,]"):
        read(path)
    assert sorted(folder.rglob("*")) == before


def test_a_missing_image(folder):
    model = residuum.create_model("cifar_resnet", depth=8)
    model.description.preprocessing = residuum.Preprocessing((8, 8), (0.5,) * 3, (0.5,) * 3)
    with pytest.raises(InputError, match=r"there is no file PHOTOS/cat/img_1.png; did you mean IMG_1.jpg\?"):
        predict(model, "PHOTOS/cat/img_1.png")
    with pytest.raises(InputError, match=r"no file matches PHOTOS/cat/\*.png; the files of PHOTOS/cat end in .jpg"):
        predict(model, "PHOTOS/cat/*.png")
