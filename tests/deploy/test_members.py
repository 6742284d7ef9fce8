"""Every kind of network passes the gate of every target, and the layers keep their names."""

import numpy as np
import onnx
import pytest
import torch
from shipped_members import ready

from residuum.deploy import TARGETS
from residuum.deploy.intermediate import OUTPUTS, reference_outputs
from residuum.deploy.parity import TOLERANCES, Gate, measure
from residuum.deploy.prepare import prepare
from residuum.deploy.probes import make_probes
from residuum_runtime import Engine
from residuum_runtime.gate import through
from residuum_runtime.sessions import engines_for

# each in float32 by all targets; the fresh process is proven in test_export.py
SHIPPED = [
    "residual_a",
    "residual_b",
    "plain",
    "preactivation",
    "resnext",
    "seresnet",
    "resnet_d",
    "dense",
    "highway",
    "vgg_bn",
    "alexnet",
    "vit",
]
BFLOAT16 = ["vit"]  # by those targets that have it
PIXELS = ["residual_b", "vit"]  # with their preprocessing inside


def check_passes(prepared, target, precision, folder):
    row = TARGETS[target]
    path = row.write(prepared, folder, prepared.carded(target=target, precision=precision))
    probes = make_probes(prepared, None)
    for name in engines_for(path):
        engine = Engine(path, engine=name)
        found = {key: through(engine, key, pixels) for key, pixels in probes.arrays.items()}
        measured = measure(probes, found, Gate(TOLERANCES[precision], 0.5))
        assert measured["passed"], f"{name} differs: {'; '.join(measured['failures'])}"
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_float32(name, tmp_path):
    prepared = prepare(ready(name))
    for target in TARGETS:
        path = check_passes(prepared, target, "fp32", tmp_path)
        if target == "onnx":
            check_onnx(path, prepared)


def check_onnx(path, prepared):
    """The file says nothing of this machine, and carries every layer's output under its name."""
    model = onnx.load(path)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    made = {value for node in model.graph.node for value in node.output}
    images = torch.zeros(1, prepared.card.channels, *prepared.card.size)
    layers = list(reference_outputs(prepared.graph, images))
    missing = [name for name in layers if name not in made]
    assert missing in ([], layers[-1:]), f"only the last layer may have another name (logits), missing: {missing}"


@pytest.mark.parametrize("name", BFLOAT16)
@pytest.mark.parametrize("target", [name for name, row in TARGETS.items() if "bf16" in row.precisions])
def test_bfloat16(name, target, tmp_path):
    check_passes(prepare(ready(name)), target, "bf16", tmp_path)


@pytest.mark.parametrize("name", PIXELS)
def test_preprocessing_inside(name, tmp_path):
    model = ready(name)
    model.description.preprocessing.resize = 20 if name == "vit" else 0
    prepared = prepare(model, pixels=True)
    for target in TARGETS:
        path = check_passes(prepared, target, "fp32", tmp_path)
    engine = Engine(path)
    probabilities = engine.run(np.full((2, 3, 40, 30), 7, dtype=np.uint8))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("target", list(TARGETS))
def test_outputs_of_layers_are_those_of_the_reference(target, tmp_path):
    prepared = prepare(ready("residual_b"))
    path = TARGETS[target].write(prepared, tmp_path, prepared.carded(target=target))
    images = torch.randn(2, 3, 16, 16)
    expected = reference_outputs(prepared.graph, images)
    found = OUTPUTS[TARGETS[target].engine](path, images.numpy(), list(expected))
    assert set(expected) - set(found) <= {"head.fc"}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-4, err_msg=name)
