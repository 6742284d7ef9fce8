"""A model, its file, its run: each may be evaluated and asked. Exports: deploy/test_runtime.py."""

import numpy as np
import pytest
from evaluation_sets import a_dataset, pixels_and_labels, small_network

import residuum
from residuum.errors import InputError
from residuum.evaluation.opening import as_network

PIXELS = np.random.default_rng(1).integers(0, 256, (3, 16, 16), np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a folder that looks like a finished run's, and the model in it."""
    folder, model = tmp_path_factory.mktemp("runs") / "run", small_network()
    residuum.save(model, folder / "model.safetensors")
    return folder, model


def test_a_file_and_a_run_are_evaluated_as_the_model(run):
    folder, model = run
    data = a_dataset(pixels_and_labels())
    expected = residuum.evaluate(model, data).losses
    for named in (folder, str(folder), folder / "model.safetensors", str(folder / "model.safetensors")):
        assert residuum.evaluate(named, data).losses.equal(expected)
    assert residuum.evaluate([folder, model], data).losses.shape == expected.shape


def test_a_file_and_a_run_are_asked_as_the_model(run):
    folder, model = run
    (expected,) = residuum.predict(model, PIXELS)
    for named in (folder, str(folder / "model.safetensors")):
        (found,) = residuum.predict(named, PIXELS)
        assert (found.classes, found.probabilities) == (expected.classes, expected.probabilities)


def test_a_run_without_weights(tmp_path):
    with pytest.raises(InputError, match=r"has no model.safetensors; give a run that has finished an epoch"):
        residuum.evaluate(tmp_path, "digits")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("resnet50", r"resnet50 names a model without weights: say 'torchvision:resnet50' or 'timm:resnet50'"),
        ("microsoft/resnet-50", "published weights are named hf://microsoft/resnet-50"),
        ("modell.safetensors", r"no weights file modell.safetensors; did you mean model.safetensors\?"),
        ("exported/model.onnx", "there is no exported/model.onnx; this folder has no folder exported"),
        (50, r"a model must be a torch.nn.Module, a weights file, .* got int"),
        (None, "a model must be a torch.nn.Module, .* got NoneType"),
    ],
)
def test_what_names_no_model(run, model, says, monkeypatch):
    monkeypatch.chdir(run[0])
    with pytest.raises(InputError, match=says):
        residuum.predict(model, PIXELS)
    with pytest.raises(InputError, match=says):
        as_network(model)
