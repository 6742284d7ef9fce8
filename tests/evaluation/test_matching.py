"""Which images count, and which class is which."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from residuum import evaluate, open_data
from residuum.data.fingerprint import fingerprint
from residuum.errors import InputError
from residuum.evaluation.matching import match_classes
from residuum.evaluation.splits import default_split, images_of
from residuum.models import Description, Preprocessing, attach
from residuum.weights.origin import trained_content, trained_on


class Shade(nn.Module):
    """Knows three classes by their brightness: dark, middle, bright."""

    num_classes = 3

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, images):
        levels = torch.tensor([0.0, 0.5, 1.0])
        return -self.scale * (images.mean((1, 2, 3))[:, None] - levels).abs()


def shades(classes):
    preprocessing = Preprocessing(size=(8, 8), mean=(0.0,) * 3, std=(1.0,) * 3)
    return attach(Shade(), Description("shade", {}, classes=classes, preprocessing=preprocessing))


@pytest.fixture
def photographs(tmp_path):
    """Return a folder of dark, middle and bright images, eight each, without sides."""
    for name, level in (("dark", 3), ("middle", 128), ("bright", 250)):
        (tmp_path / "P" / name).mkdir(parents=True)
        for place in range(8):
            Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(tmp_path / "P" / name / f"{place}.png")
    return tmp_path / "P"


def test_a_folder_without_sides_is_evaluated_whole_unless_it_was_trained_on(photographs):
    model = shades(["dark", "middle", "bright"])
    assert evaluate(model, photographs).confusion.sum() == 24 and evaluate(model, photographs).top1 == 100
    dataset = open_data(photographs)
    model.trained_on = str(photographs)
    assert default_split(dataset, model) == "val"
    assert evaluate(model, photographs).confusion.sum() == len(dataset.val) < 24
    model.trained_on = str(photographs.parent / "other")
    assert default_split(dataset, model) == "all"
    assert evaluate(model, photographs, split="train").confusion.sum() == len(dataset.train)


def test_a_trained_folder_is_known_by_its_content_where_it_has_moved(photographs, tmp_path):
    content = fingerprint(open_data(photographs))
    (tmp_path / "environment.json").write_text(json.dumps({"data": content, "parts": []}))
    model = shades(["dark", "middle", "bright"])
    model.trained_on, model.trained_content = "elsewhere", trained_content(tmp_path / "model.safetensors")
    moved = photographs.rename(tmp_path / "moved")
    assert default_split(open_data(moved), model) == "val"
    model.trained_content = {**content, "sha256": "0" * 64}
    assert default_split(open_data(moved), model) == "all"
    (tmp_path / "environment.json").write_text("[]")
    assert trained_content(tmp_path / "model.safetensors") is None


def test_one_class_and_a_part_of_the_classes_are_evaluated(photographs):
    model = shades(["dark", "middle", "bright"])
    for gone in ("dark", "middle"):
        for path in (photographs / gone).iterdir():
            path.unlink()
        (photographs / gone).rmdir()
        assert evaluate(model, photographs).top1 == 100
    assert open_data(photographs, to_train=False).classes == ["bright"]
    with pytest.raises(InputError, match="at least two classes"):
        open_data(photographs)


def test_the_test_side_and_all_sides(photographs):
    for side in ("train", "test"):
        for name in ("dark", "bright"):
            (photographs / side / name).mkdir(parents=True)
            count = 5 if side == "train" else 3
            for path in sorted((photographs / name).iterdir())[:count]:
                (photographs / side / name / path.name).write_bytes(path.read_bytes())
    for name in ("dark", "middle", "bright"):
        for path in (photographs / name).iterdir():
            path.unlink()
        (photographs / name).rmdir()
    dataset = open_data(photographs)
    assert len(images_of(dataset, "test")) == 6 and len(images_of(dataset, "all")) == 16
    assert default_split(dataset, shades([])) == "val"
    with pytest.raises(InputError, match="split must be train, val, test or all, got 'dev'"):
        images_of(dataset, "dev")


def test_classes_match_by_name_or_by_order_when_asked():
    model = shades([])
    assert match_classes(["a", "b", "c"], ["c", "a"], model).tolist() == [2, 0]
    assert match_classes(["a", "b", "c"], ["x", "y", "z"], model, "order").tolist() == [0, 1, 2]
    assert match_classes([], ["x", "y", "z"], model).tolist() == [0, 1, 2]
    assert match_classes(["a", "b", "a"], ["b"], model).tolist() == [1]
    assert match_classes(["a", "b", "a"], ["a", "b", "a"], model).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("of_model", "of_data", "match", "message"),
    [
        (["a", "b", "c"], ["x", "y", "z"], "name", "lacks x, y, z; it knows a, b, c: .*takes --match order"),
        (["Cat", "dog "], ["cat", "dog"], "name", "'cat' is 'Cat' there, 'dog' is 'dog ' there"),
        (["a", "b", "c"], ["0", "1"], "name", "lacks 0, 1; it knows a, b, c: name the folders so, or train a model on"),
        (["a", "b", "c"], ["x", "y"], "order", "the model has 3 classes and the data set has 2"),
        ([], ["x", "y"], "name", "the model has 3 classes and names none of them and the data set has 2"),
        (["crane", "gull", "crane"], ["crane", "gull"], "name", "it has crane more than once; leave those classes out"),
        (["a"], ["a"], "number", "match must be name or order, got 'number'"),
    ],
)
def test_classes_that_do_not_match_are_refused_by_name(of_model, of_data, match, message):
    with pytest.raises(InputError, match=message):
        match_classes(of_model, of_data, shades([]), match)


def test_a_run_folder_says_what_it_was_trained_on(tmp_path):
    assert trained_on(tmp_path / "model.safetensors") is None
    (tmp_path / "config.yaml").write_text("data: PHOTOS\nepochs: 3\n")
    assert trained_on(tmp_path / "model.safetensors") == "PHOTOS"
    (tmp_path / "config.yaml").write_text("- not: settings\n")
    assert trained_on(tmp_path / "model.safetensors") is None


def test_the_limit_of_a_folders_images_is_given_to_evaluate(tmp_path):
    for shade, level in {"dark": 0, "bright": 255}.items():
        (tmp_path / shade).mkdir()
        for side in (8, 9, 20):
            Image.fromarray(np.full((side, side, 3), level, np.uint8)).save(tmp_path / shade / f"{side}.png")
    model = shades(["dark", "middle", "bright"])
    assert len(evaluate(model, tmp_path, split="all")) == 6
    found = evaluate(model, tmp_path, split="all", max_pixels=399)
    assert (len(found), found.top1) == (4, 100.0)
    with pytest.raises(InputError, match=r"max_pixels needs the name of a folder, got 9 .*open_data\(FOLDER, "):
        evaluate(model, open_data(tmp_path), max_pixels=9)
