"""Runs that an earlier version began: they end with the bytes that it would have given them."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from residuum.errors import InputError
from residuum.machine.environment import environment
from residuum.settings.declaring import PANELS
from residuum.settings.file import read_settings, write_settings
from residuum.training import resumed_run, train
from residuum.training.records import read_numbers

GOLDEN = Path(__file__).parents[1] / "data" / "run_flat"  # stopped at step 4 of 6, its settings in a flat file
BITS = ("torch", "processor", "instructions", "system")  # what the last bits of a plain run follow
ENDED = ("summary.csv", "steps.csv", "last.safetensors", "result.json")


@pytest.fixture
def begun(tmp_path):
    return Path(shutil.copytree(GOLDEN, tmp_path / "run", ignore=shutil.ignore_patterns("ended")))


def test_a_run_of_flat_settings_ends_with_the_bytes_of_the_version_that_began_it(begun):
    for _ in train(resumed_run(begun, {}), report=False):
        pass
    made = json.loads((GOLDEN / "environment.json").read_text())["parts"][0]
    same = all(made[key] == value for key, value in json.loads(json.dumps(environment())).items() if key in BITS)
    for name in ENDED if same else ():
        assert (begun / name).read_bytes() == (GOLDEN / "ended" / name).read_bytes(), name
    for row, other in zip(*(read_numbers(folder / "steps.csv") for folder in (begun, GOLDEN / "ended")), strict=True):
        assert row == pytest.approx(other, rel=0.02, nan_ok=True)


def test_a_run_keeps_its_file_until_something_changes(begun):
    before = (begun / "config.yaml").read_bytes()
    resumed_run(begun, {})
    assert (begun / "config.yaml").read_bytes() == before


def test_settings_are_written_by_panel_and_read_back(tmp_path):
    flat = read_settings(GOLDEN / "config.yaml")
    write_settings(flat, tmp_path / "config.yaml")
    nested = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert tuple(nested) == PANELS
    assert nested["optimisation"]["lr"] == 0.1
    assert nested["data"]["data"] == "digits[:96,:40]"
    assert read_settings(tmp_path / "config.yaml") == flat


@pytest.mark.parametrize(
    ("change", "message"),
    [(("lr: 0.1", "lr: fast"), "config.yaml: lr must be a number, got 'fast'"),
     (("epochs: 2\n  batch_size", "epochs: 0\n  batch_size"), "config.yaml: epochs must be at least 1, got 0"),
     (("  lr: 0.1\n", ""), "missing or unknown: lr"),
     (("  lr:", "  rate:"), "missing or unknown: lr, optimisation.rate"),
     (("augmentation:\n", "augmentation:\n  momentum: 0.8\n"), "missing or unknown: augmentation.momentum"),
     (("opt: sgd", "opt: sdg"), "opt must be one of .*, got 'sdg'; did you mean sgd")],
)  # fmt: skip
def test_what_cannot_be_in_a_settings_file_is_named(tmp_path, change, message):
    write_settings(read_settings(GOLDEN / "config.yaml"), tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    assert change[0] in text
    (tmp_path / "config.yaml").write_text(text.replace(*change))
    with pytest.raises(InputError, match=message):
        read_settings(tmp_path / "config.yaml")
