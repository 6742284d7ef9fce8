"""Each training study once at a tiny budget: the machinery, not the science."""

import math

import numpy as np
import pytest

from residuum.experiments import STUDIES
from residuum.experiments.form import Options, Workspace, read_json
from residuum.experiments.study import run_study
from residuum.report.study import MARKS

TINY = {"data": "digits[:64,:40]", "epochs": 1, "batch_size": 32, "seeds": 2}
SMALLEST = {
    "very-deep": {"depths": (8, 20, 29), "batch_size": 16},
    "shortcuts": {"depths": (8,)},
    "activations": {"depths": (8,)},
    "skip-length": {"depths": (8,)},
    "identity": {"depths": (2, 4)},
    "causes": {"depths": (8, 14), "seeds": 1},
    "dynamics": {"depths": (6,)},
    "data-need": {"depths": (8,), "batch_size": 16},
    "identity-growth": {"depths": (8, 14), "epochs": 2},
}


@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs_from_the_call_to_the_page(name, tmp_path):
    asked = {**TINY, **SMALLEST[name]}
    held = run_study(name, asked, tmp_path, workers=1, tell=lambda line: None)
    study = STUDIES[name]
    chosen = study.members(Options(**{**vars(study.DEFAULTS), **asked}))
    assert held["members"] == len(chosen) and all((tmp_path / member / "summary.csv").exists() for member in chosen)
    assert held["answer"].endswith(".") and held["findings"]
    assert all(finding["verdict"] in MARKS for finding in held["findings"])
    if asked["seeds"] == 1:
        assert held["answer"].startswith("One run of each")
        assert {finding["verdict"] for finding in held["findings"]} == {"not shown"}
    drawings = study.drawings(held["numbers"])
    assert drawings and all((tmp_path / f"{drawing.name}.{kind}").stat().st_size > 2000
                            for drawing in drawings for kind in ("png", "svg"))  # fmt: skip
    for table in study.tables(held["numbers"]):
        assert table.rows and {len(row) for row in table.rows} == {len(table.header)}
    assert read_json(tmp_path / "study.json")["numbers"] == held["numbers"]
