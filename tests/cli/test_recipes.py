"""Recipes, seeds and rates from the command line."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from residuum.settings.recipe import recipe_names, recipe_text

SMALL = (
    "--data",
    "digits[:128,:40]",
    "--model",
    "cifar_resnet",
    "--depth",
    "8",
    "--epochs",
    "1",
    "--precision",
    "fp32",
)


def residuum(*arguments, cwd, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "residuum", *arguments], cwd=cwd, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_recipe_is_shown_as_it_is_written(tmp_path):
    assert residuum("train", "--recipe", "timm-a3", "--show", cwd=tmp_path) == recipe_text("timm-a3")
    assert "say which recipe to show" in residuum("train", "--show", cwd=tmp_path, code=2)


def test_seeds_and_a_second_way_are_run_and_gone_on_with(tmp_path):
    told = residuum(
        "train", *SMALL, "--seeds", "2", "--against", "opt=adamw", "--against", "lr=1e-3", "-o", "p", cwd=tmp_path
    )
    assert "second minus first, paired by seed" in told
    assert "second (opt=adamw, lr=0.001)" in told
    with (tmp_path / "p" / "seeds.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["configuration"], row["seed"]) for row in rows] == [
        ("first", "0"), ("first", "1"), ("second", "0"), ("second", "1")
    ]  # fmt: skip
    one = json.loads((tmp_path / "p" / "second" / "seed-1" / "result.json").read_text())
    assert float(rows[3]["acc1"]) == pytest.approx(one["acc1"], abs=1e-3)
    before = (tmp_path / "p" / "seeds.csv").read_bytes()
    assert "epoch   1/1" not in residuum("train", "--resume", "p", cwd=tmp_path)
    assert (tmp_path / "p" / "seeds.csv").read_bytes() == before
    assert "leave out all other flags" in residuum("train", "--resume", "p", "--lr", "1", cwd=tmp_path, code=2)


def test_a_rate_is_suggested_and_drawn(tmp_path):
    told = residuum("train", *SMALL, "--lr-find", cwd=tmp_path)
    assert "try: --lr 0." in told
    assert (tmp_path / "lr_find.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["lr_find.png"], "no run is left behind"


def test_a_comparison_needs_seeds(tmp_path):
    assert "say how many with --seeds" in residuum("train", *SMALL, "--against", "lr=1", cwd=tmp_path, code=2)


def test_the_page_has_every_recipe():
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    assert all(f"| `{name}` |" in page for name in recipe_names())
