"""An export appears whole, says what the model says, and is refused when it does not."""

import json

import numpy as np
import pytest
import torch
from shipped_members import member

from residuum.deploy import TARGETS, Engine, export
from residuum.deploy.parity import TOLERANCES, Gate
from residuum.deploy.prepare import prepare
from residuum.deploy.probes import make_probes
from residuum.models import Preprocessing

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def ready(name, **arguments):
    model, side = member(name, **arguments)
    model.description.preprocessing = Preprocessing((side, side), MEAN, STD)
    return model


@pytest.fixture(scope="module")
def prepared():
    return prepare(ready("residual_b"))


@pytest.fixture(scope="module")
def probes(prepared):
    return make_probes(prepared, None)


GATE = Gate(TOLERANCES["fp32"], 0.5)


def test_an_export_of_each_target_predicts_as_the_model(tmp_path):
    model = ready("residual_a")
    model.description.classes = list("abcde")
    for target in TARGETS:
        done = export(model, tmp_path / target, to=target, precision="fp32")
        assert {path.name for path in done.folder.iterdir()} >= {"parity.json", done.file.name}
        said = json.loads((done.folder / "parity.json").read_text())
        assert said["measured"][TARGETS[target].engine]["passed"]
        engine = Engine(done.folder)
        assert engine.card == done.card and engine.name == TARGETS[target].engine
        images = np.random.default_rng(0).normal(size=(5, 3, 16, 16)).astype(np.float32)
        with torch.no_grad():
            expected = model(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(engine.run(images), expected, atol=1e-4)
    assert not list(tmp_path.glob(".*"))
