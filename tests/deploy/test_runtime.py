"""Exports run without torch, from the full package's verb and from the small distribution."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shipped_members import ready

from residuum.data import open_data
from residuum.deploy import Engine, as_model, export
from residuum.deploy.probes import photographs
from residuum.evaluation import evaluate, predict
from residuum_runtime import choice
from residuum_runtime.engine import Accuracy
from residuum_runtime.intervals import wilson_interval
from residuum_runtime.machine import features, processor, thread_count
from residuum_runtime.predictions import probabilities

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An OpenVINO export, its model, and a picture."""
    folder = tmp_path_factory.mktemp("runtime")
    model = ready("residual_a")
    model.description.classes = ["ant", "bee", "cat", "dog", "eel"]
    Image.fromarray(photographs(1)[0].permute(1, 2, 0).numpy()).save(folder / "photo.png")
    return export(model, folder / "out", precision="fp32").folder, model, folder / "photo.png"


def said(*command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done


def test_predicting_loads_no_torch(exported):
    folder, model, picture = exported
    done = said(sys.executable, "-X", "importtime", "-m", "residuum", "predict", folder, picture, "--json")
    loaded = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert {"openvino", "numpy"} <= loaded
    assert not {"torch", "torchvision", "sklearn", "matplotlib"} & loaded
    (found,) = json.loads(done.stdout)
    (expected,) = predict(model, picture)
    assert found["classes"] == expected.classes
    np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=0.02)
    assert "engine: openvino" in done.stderr and "fp32, threads: 1" in done.stderr


def test_the_small_distribution_alone_is_enough(exported, tmp_path):
    folder, model, picture = exported
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        ROOT / "runtime",
    ]
    said(*build)
    (wheel,) = tmp_path.glob("residuum_runtime-*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    for forbidden in ("torch", "residuum"):
        (tmp_path / "site" / f"{forbidden}.py").write_text("raise ImportError('must not be needed')")
    done = said(sys.executable, "-m", "residuum_runtime", "predict", str(folder), str(picture), "--top", "1",
                PYTHONPATH=str(tmp_path / "site"))  # fmt: skip
    head, row = done.stdout.splitlines()
    assert head == "image\tclass\t%" and row.split("\t")[1] == predict(model, picture)[0].top
    wrong = [sys.executable, "-m", "residuum_runtime", "predict", str(tmp_path), str(picture)]
    refused = subprocess.run(
        wrong, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    )
    assert refused.returncode == 2 and refused.stderr.startswith("error: ") and "Traceback" not in refused.stderr


def test_the_versions_agree():
    import tomllib

    versions = [
        tomllib.loads((ROOT / path).read_text())["project"]["version"]
        for path in ("pyproject.toml", "runtime/pyproject.toml")
    ]
    assert versions[0] == versions[1]


def test_an_export_is_evaluated_as_its_model_is(exported):
    folder, model, picture = exported
    running = as_model(Engine(folder))
    digits = open_data("digits")
    model.description.classes = []
    expected, got = (evaluate(one, _first_five(digits)) for one in (model, running))
    assert got.top1 == pytest.approx(expected.top1, abs=0.3) and got.loss == pytest.approx(expected.loss, abs=1e-3)
    assert predict(running, picture)[0].classes[0] == Engine(folder).predict(picture)[0].top
    assert evaluate(folder, _first_five(digits)).losses.equal(got.losses)
    assert predict(str(folder), picture)[0].classes == predict(running, picture)[0].classes


def _first_five(digits):
    """Return the digits 0 to 4, for a network of five classes."""
    import dataclasses

    from residuum.data import ArrayImages

    few = digits.val.labels < 5
    return dataclasses.replace(
        digits,
        classes=["ant", "bee", "cat", "dog", "eel"],
        val=ArrayImages(digits.val.pixels[few], digits.val.labels[few]),
    )


def test_engine_evaluates_without_torch(exported):
    folder, _, picture = exported
    engine = Engine(folder)
    top = engine.card.classes.index(engine.predict(picture)[0].top)
    accuracy = engine.evaluate([(picture, top), (picture, (top + 1) % 5), (str(picture), top)])
    assert (accuracy.right, accuracy.pictures) == (2, 3)
    assert accuracy.percent == pytest.approx(200 / 3)


def test_wilson_interval():
    low, high = Accuracy(90, 100).interval  # Wilson 1927; statsmodels.proportion_confint(90, 100, method="wilson")
    assert (low, high) == (pytest.approx(82.56, abs=0.01), pytest.approx(94.48, abs=0.01))
    assert Accuracy(0, 5).interval[0] == 0 and Accuracy(5, 5).interval[1] == 100
    assert Accuracy(81, 263).interval == tuple(100 * end for end in wilson_interval(81, 263))


def test_softmax_of_large_logits():
    found = probabilities(np.array([[1e4, 1e4 - 1]], np.float32))
    np.testing.assert_allclose(found, [[0.7310586, 0.2689414]], rtol=1e-6)


class Taking:
    """A session that takes some seconds for an image."""

    def __init__(self, card, seconds, clock):
        self.card, self.seconds, self.clock = card, seconds, clock

    def run(self, images):
        self.clock[0] += self.seconds
        return np.zeros((1, 5), np.float32)


def test_auto_measures_once_and_remembers(exported, tmp_path, monkeypatch):
    folder, _, _ = exported
    card = Engine(folder).card
    clock, opened = [0.0], []
    seconds = {"onnxruntime": 0.02, "openvino": 0.01}
    passed = {"measured": {engine: {"passed": True} for engine in seconds}}
    path = tmp_path / "model.onnx"
    path.touch()

    def open_session(path, engine, threads):
        import dataclasses

        opened.append(engine)
        return Taking(dataclasses.replace(card, **passed), seconds[engine], clock)

    monkeypatch.setattr(choice, "open_session", open_session)
    monkeypatch.setattr(choice.time, "perf_counter", lambda: clock[0])
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "cache"))
    assert choice.choose(path, 1)[0] == "openvino" and set(opened) == set(seconds)
    opened.clear()
    assert choice.choose(path, 1) == ("openvino", None) and not opened
    assert choice.choose(path, 2)[1] is not None  # other threads are another question
    passed["measured"]["openvino"]["passed"] = False
    (tmp_path / "cache" / "engines.json").write_text("not JSON")
    assert choice.choose(path, 1)[0] == "onnxruntime"  # what did not pass its gate is not chosen


def test_machine(monkeypatch):
    assert thread_count(3) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert thread_count() == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert thread_count() >= 1
    assert processor() and isinstance(features(), list)
