"""The page of findings and the weights of a release are written from studies' folders alone."""

import importlib.util
import json
from pathlib import Path

import pytest

from residuum import load
from residuum.experiments import STUDIES
from residuum.experiments.form import read_json, write_json
from residuum.experiments.study import run_study

DOCS = Path(__file__).parents[1] / "docs"


def script(name):
    """Return a script of docs/."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return the folder of a small degradation study."""
    folder = tmp_path_factory.mktemp("study")
    asked = {"data": "digits[:64,:40]", "depths": (8, 20), "seeds": 2, "epochs": 1, "batch_size": 32}
    run_study("degradation", asked, folder, workers=1, tell=lambda line: None)
    return folder


def test_a_claim_has_its_measurement_or_the_hours_that_it_takes(study, tmp_path, capsys):
    found = script("make_what_was_found")
    held = json.loads(json.dumps(read_json(study / "study.json")))
    held["options"] |= {"data": "cifar10", "depths": [20, 32, 44, 56, 110]}
    (tmp_path / "one").mkdir()
    write_json(tmp_path / "one" / "study.json", held)
    page = tmp_path / "page.md"
    assert found.main([study, tmp_path / "one", tmp_path / "none"], page) == 1
    assert "left out: " in capsys.readouterr().err
    text = page.read_text()
    assert text.count("\n## ") == len(found.CLAIMS) and text.count("Not run yet: about") == len(found.CLAIMS) - 1
    assert f"**{held['answer']}**" in text and "Measured with 2 seeds, 1 epochs" in text
    assert (tmp_path / "images" / "found" / "deeper-plain-networks-train-worse.png").exists()


def test_every_claim_names_a_study_and_options_that_it_takes():
    found = script("make_what_was_found")
    for claim in found.CLAIMS:
        assert claim.study in STUDIES and claim.says.endswith(".")
        assert set(found.wanted(claim)) <= {"data", "depths", "epochs", "seeds", "batch_size", "only", "runs"}
        choices = getattr(STUDIES[claim.study], "CHOICES", ())
        assert set(filter(None, found.wanted(claim).get("only", "").split(","))) <= set(choices)


def test_weights_are_written_with_their_cards(study, tmp_path, capsys):
    weights = script("make_weights")
    assert weights.main(study, tmp_path / "weights") == 2
    assert "left out" in capsys.readouterr().err
    card = (tmp_path / "weights" / "residual-20" / "README.md").read_text()
    assert "residuum study degradation" in card and "val_acc1" in card
    assert load(tmp_path / "weights" / "residual-20" / "model.safetensors").description.arguments["depth"] == 20
    assert len((tmp_path / "weights" / "SHA256SUMS").read_text().splitlines()) == 4
    with pytest.raises(SystemExit, match="must be the folder of a finished study"):
        weights.main(tmp_path)
