"""``residuum laws`` as a user runs it."""

import json

import pytest
from typer.testing import CliRunner

from residuum.analysis.laws import signal
from residuum.cli import app
from residuum.errors import InputError, StudyFailed
from residuum.nn import Add

MEMBER = "skip_mlp_residual10"


@pytest.fixture(scope="module")
def quick_curves():
    return signal.signal_curves((1, 2, 4), seeds=2)


@pytest.fixture(autouse=True)
def measured_once(monkeypatch, quick_curves):
    monkeypatch.setattr(signal, "signal_curves", lambda: quick_curves)


def run(*arguments):
    return CliRunner().invoke(app, ["laws", *arguments])


def test_a_table_and_a_last_line():
    done = run(MEMBER)
    assert done.exit_code == 0, done.output
    lines = done.output.strip().splitlines()
    assert lines[0].split("\t") == ["law", "network", "left side", "right side", "difference", "verdict"]
    assert lines[-1] == "2 of 2 laws hold (6 did not apply)"
    assert any(line.startswith("4 skips\t" + MEMBER) and line.endswith("holds") for line in lines)
    assert any("does not apply: it is not made of blocks" in line for line in lines)


def test_json_and_a_page(tmp_path):
    done = run("cifar_preact_resnet164", "--json", "-o", str(tmp_path))
    rows = json.loads(done.output)
    assert {row["law"][0] for row in rows if row["applies"]} == set("1235678")
    assert all(row["holds"] and row["difference"] <= row["limit"] for row in rows if row["applies"])
    pictures = {"law-signal.png", "law-scaling.png", "law-paths.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"laws.html", *pictures}
    page = (tmp_path / "laws.html").read_text()
    assert "7 of 7 laws hold (1 did not apply)." in page and page.count("<svg") == 3
    assert all(f"<h2>Law {row['law']}</h2>" in page for row in rows) and "He16 eq. 4" in page


def test_a_broken_law_is_exit_code_1(monkeypatch):
    monkeypatch.setattr(Add, "forward", lambda self, shortcut, branch, x: 0.99 * shortcut + branch)
    done = run("cifar_preact_resnet164")
    assert isinstance(done.exception, StudyFailed)
    assert str(done.exception) == (
        "3 of 7 laws hold (1 did not apply); not: 1 forward, 2 backward, 3 identity, 6 paths"
    )


def test_unknown_models_are_told():
    done = run("resnet51")
    assert isinstance(done.exception, InputError) and "did you mean resnet50" in str(done.exception)
    done = run("runs/nothing.safetensors")
    assert isinstance(done.exception, InputError) and "runs/nothing.safetensors" in str(done.exception)
