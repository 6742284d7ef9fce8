"""Settings as people write them: what is taken, and in which words the rest is refused."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from residuum import train_model
from residuum.cli import main
from residuum.errors import InputError
from residuum.settings import SETTINGS, read_asked
from residuum.settings.recipe import parse_recipe
from residuum.training import new_run

SIZES = [name for name, declared in SETTINGS.items() if declared.kind.startswith("Size")]
SIZE = "must be a side in whole pixels, or height and width, such as 32, \\(24, 32\\) or 24x32, got"


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    ("value", "read"),
    [(32, [32, 32]), ((24, 32), [24, 32]), ([24, 32], [24, 32]), ("24x32", [24, 32]), ("32", [32, 32]),
     (" 24X32 ", [24, 32]), (np.int64(32), [32, 32])],
)  # fmt: skip
def test_a_size_is_a_side_or_height_and_width(name, value, read):
    found = read_asked({name: value})
    assert found == {name: read}
    assert all(type(side) is int for side in found[name])


@pytest.mark.parametrize(
    "value", [True, 0, -8, 32.0, (1, 2, 3), (24, 32.5), [0, 8], "24x", "-8", "24,32", "x", [True, 8]]
)
def test_what_is_no_size_is_refused_in_the_same_words_from_everywhere(value, tmp_path, monkeypatch, capsys):
    with pytest.raises(InputError, match=f"image_size {SIZE}"):
        train_model("digits", output=tmp_path / "run", image_size=value)
    with pytest.raises(InputError, match=f"train_size {SIZE}"):
        parse_recipe(
            "own", f"source: here\nsettings: {{train_size: {list(value) if isinstance(value, tuple) else value!r}}}"
        )
    if isinstance(value, str):
        monkeypatch.setattr(sys, "argv", ["residuum", "train", "--data", "digits", f"--early-size={value}"])
        with pytest.raises(SystemExit, match="2"):
            main()
        assert "error: early_size must be a side in whole pixels, or height and width" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"epoch": 1}, "no setting is named 'epoch'; did you mean epochs"), ({"optimizer": "sgd"}, "did you mean opt?"),
     ({"learning_rate": 0.1}, "did you mean lr?"),
     ({"depth": 8}, "it is an argument of the model: model_arguments={'depth': 8}"),
     ({"shortcut": "B"}, "model_arguments={'shortcut': 'B'}"),
     ({"lr": "0.1"}, r"lr must be a number, got '0.1' \(without quotes"),
     ({"lr": float("nan")}, "lr must be a number, got nan"), ({"lr": True}, "lr must be a number, got True"),
     ({"flip": 1}, "flip must be True or False, got 1"), ({"epochs": 1.5}, "epochs must be a whole number, got 1.5"),
     ({"batch_size": "8"}, "batch_size must be a whole number"), ({"seed": False}, "seed must be a whole number"),
     ({"model": 18}, "model must be text, got 18"), ({"milestones": 0.5}, "milestones must be numbers, got 0.5"),
     ({"model_arguments": [8]}, "model_arguments must be arguments by name"), ({"cache": "big"}, "cache must be a")],
)  # fmt: skip
def test_what_is_no_setting_or_of_another_kind_is_one_line_with_a_hint(given, message, tmp_path):
    with pytest.raises(InputError, match=message.replace("?", "\\?")):
        train_model("digits", output=tmp_path / "run", **given)


def test_other_ways_to_write_the_same_value_are_read():
    given = {"data": Path("photos"), "lr": np.float32(0.5), "epochs": np.int64(3), "milestones": (0.25, 0.5),
             "cache": True, "model": None, "weights": None, "mixup": 0}  # fmt: skip
    assert read_asked(given) == {"data": "photos", "lr": 0.5, "epochs": 3, "milestones": [0.25, 0.5],
                                 "cache": "auto", "weights": None, "mixup": 0}  # fmt: skip


def from_python(tmp_path, monkeypatch, capsys, name, value):
    with pytest.raises(InputError) as refused:
        train_model("digits", output=tmp_path / "run", **{name: value})
    return str(refused.value)


def from_yaml(tmp_path, monkeypatch, capsys, name, value):
    (tmp_path / "own.yaml").write_text(json.dumps({"source": "here", "settings": {name: value}}))
    return from_python(tmp_path, monkeypatch, capsys, "recipe", str(tmp_path / "own.yaml")).partition(": ")[2]


def from_flags(tmp_path, monkeypatch, capsys, name, value):
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    flag = f"--{name.replace('_', '-')}={text}"
    monkeypatch.setattr(sys, "argv", ["residuum", "train", "--data", "digits", "-o", str(tmp_path / "run"), flag])
    with pytest.raises(SystemExit, match="2"):
        main()
    return capsys.readouterr().err.strip().removeprefix("error: ")


@pytest.mark.parametrize("enter", [from_python, from_yaml, from_flags])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("lr", -0.5, "lr must not be negative, got -0.5"), ("epochs", 0, "epochs must be at least 1, got 0"),
     ("opt", "adam", "opt must be one of sgd, nesterov, sgdw, adamw, lamb, muon, muon_sphere, got 'adam'; did"),
     ("momentum", 1.0, "momentum must be below 1 and not negative, got 1.0"),
     ("milestones", [0.7, 0.3], "milestones must rise between 0 and 1, got [0.7, 0.3]"),
     ("pad_mode", "edge", "pad_mode must be zeros or reflect, got 'edge'"),
     ("auto_augment", "randaugment-31", "auto_augment must be trivialaugment, randaugment or randaugment-N with N up"),
     ("device", "tpu", "device must be auto, cpu, cuda or mps, got 'tpu'"),
     ("train_size", "8x", "train_size must be a side in whole pixels, or height and width"),
     ("cache", -1, "cache must be at least 0, or auto, got -1")],
)  # fmt: skip
def test_the_same_words_refuse_a_value_from_everywhere(enter, name, value, said, tmp_path, monkeypatch, capsys):
    if enter is from_flags and name == "cache":
        name = "cache_size"
    assert enter(tmp_path, monkeypatch, capsys, name, value).startswith(said)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"epochs": 2, "warmup_epochs": 2.0}, "warmup_epochs must be below epochs"),
     ({"loss": "binary", "label_smoothing": 0.1}, "loss binary goes without label_smoothing, got 0.1"),
     ({"val_split": 1.5}, "val_split, a share of the training"), ({"model": "resnet81"}, "resnet81"),
     ({"num_classes": 3}, "digits has 10 classes, so num_classes must be at least that"),
     ({"processes": 2}, "2 processes were asked for, but 1 were started"), ({"freeze": 99}, "freeze must be 0 to"),
     ({"model": "resnet18", "image_size": 8, "batch_size": 1}, "batch norm needs more than one value")],
)  # fmt: skip
def test_nothing_is_written_before_everything_is_settled(given, message, tmp_path):
    with pytest.raises(InputError, match=message):
        train_model("digits", output=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_a_size_is_settled_before_the_run_is_written(tmp_path):
    run = new_run(tmp_path / "run", {"data": "digits[:64,:20]", "image_size": 8, "train_size": (8, 8), "epochs": 1,
                                     "model": "cifar_resnet20", "precision": "fp32"})  # fmt: skip
    assert (run.settings.image_size, run.settings.train_size) == ([8, 8], [8, 8])
