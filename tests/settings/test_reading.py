"""Settings as people write them: what is taken, and in which words the rest is refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from residuum import train_model
from residuum.cli import main
from residuum.errors import InputError
from residuum.settings import SETTINGS, read_asked
from residuum.settings.recipe import parse_recipe

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
