"""``residuum saliency`` as a user runs it, on a model of their own."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from residuum import Preprocessing, create_model, save
from residuum.cli import app
from residuum.errors import InputError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "grey.safetensors"
    grey = create_model("cifar_resnet", depth=8, in_chans=1, num_classes=3)
    save(grey, path, classes=["cat", "dog", "cow"], preprocessing=Preprocessing((16, 16), (0.5,), (0.25,)))
    return str(path)


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    from sklearn.datasets import load_sample_images

    path = tmp_path_factory.mktemp("pictures") / "flower.jpg"
    Image.fromarray(load_sample_images().images[1]).save(path)
    return str(path)


def run(*arguments):
    return CliRunner().invoke(app, ["saliency", *arguments])


def test_a_picture_for_every_stage(model, photograph, tmp_path):
    done = run(model, photograph, "--target", "cow", "-o", str(tmp_path))
    assert done.exit_code == 0 and done.output.startswith("cow: "), done.output
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"flower-seen.png", *(f"flower-grad-cam-stage{number}.png" for number in range(3))}
    assert all(np.asarray(Image.open(tmp_path / name)).shape == (384, 384, 3) for name in names)


def test_integrated_gradients_say_what_they_add_up_to(model, photograph, tmp_path):
    done = run(model, photograph, "--method", "integrated-gradients", "--json", "-o", str(tmp_path))
    found = json.loads(done.output)
    assert found["class"] in ("cat", "dog", "cow") and 0 < found["probability"] < 1
    assert found["added"] == pytest.approx(found["difference"], abs=0.02)
    assert [name.rsplit("/", 1)[1] for name in found["files"]] == ["flower-seen.png", "flower-integrated-gradients.png"]


def test_one_stage(model, photograph, tmp_path):
    assert run(model, photograph, "--stage", "-1", "-o", str(tmp_path)).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"flower-seen.png", "flower-grad-cam-stage2.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "lime"], "method must be grad-cam or integrated-gradients, got 'lime'"),
        (["--stage", "3"], "this network has stages 0 to 2"),
        (["--method", "integrated-gradients", "--stage", "1"], "not a stage; leave --stage out"),
        (["--target", "horse"], "knows no class 'horse'"),
    ],
)
def test_wrong_wishes_are_told(model, photograph, tmp_path, arguments, message):
    done = run(model, photograph, "-o", str(tmp_path), *arguments)
    assert isinstance(done.exception, InputError) and message in str(done.exception)
    assert not list(tmp_path.iterdir())
