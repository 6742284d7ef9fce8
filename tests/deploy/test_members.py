"""Every kind of network passes the gate of every target, and the layers keep their names."""

import numpy as np
import onnx
import pytest
import torch
from shipped_members import ready

from residuum.deploy import TARGETS, to_openvino
from residuum.deploy.calibration import make_calibration
from residuum.deploy.form import Form
from residuum.deploy.int8_openvino import attends
from residuum.deploy.intermediate import OUTPUTS, reference_outputs
from residuum.deploy.parity import TOLERANCES, Gate, measure
from residuum.deploy.prepare import prepare
from residuum.deploy.probes import make_probes, photograph_set
from residuum_runtime import Engine
from residuum_runtime.gate import through
from residuum_runtime.sessions import engines_for

# each in float32 by all targets; the fresh process is proven in test_export.py, and benchmarks/gate.py tries every
# member in every precision
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
    "efficientnet_lite",
    "convnext",
    "vgg_bn",
    "alexnet",
    "vit",
]
BFLOAT16 = ["preactivation", "dense", "vit"]  # by those targets that have it
INT8 = ["residual_b", "dense", "highway", "vit"]
PIXELS = ["residual_b", "vit"]  # with their preprocessing inside


def check_passes(prepared, target, precision, folder):
    """Return the file and its mean difference; engines that it was not made for are only asked in float32 and bf16."""
    row = TARGETS[target]
    path = row.write(prepared, folder, prepared.carded(target=target, precision=precision))
    probes, mean = make_probes(prepared, None), 0.0
    for name in engines_for(path) if precision != "int8" else [row.engine]:
        engine = Engine(path, engine=name)
        found = {key: through(engine, key, pixels) for key, pixels in probes.arrays.items()}
        measured = measure(probes, found, Gate(TOLERANCES[precision], 0.5))
        assert measured["passed"], f"{name} differs: {'; '.join(measured['failures'])}"
        mean = max(mean, measured["mean"])
    return path, mean


@pytest.mark.parametrize("name", SHIPPED)
def test_float32(name, tmp_path):
    prepared = prepare(ready(name))
    for target in TARGETS:
        path, _ = check_passes(prepared, target, "fp32", tmp_path)
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
def test_bfloat16(name, tmp_path):
    prepared = prepare(ready(name))
    for target in (target for target, row in TARGETS.items() if "bf16" in row.precisions):
        check_passes(prepared, target, "bf16", tmp_path)


@pytest.mark.parametrize("name", INT8)
def test_int8(name, tmp_path):
    prepared = prepare(ready(name))
    windows = photograph_set(prepared.reference, prepared.card.size, 80)
    prepared.made["calibration"] = make_calibration(prepared, windows, 40)
    for target in (target for target, row in TARGETS.items() if "int8" in row.precisions):
        path, mean = check_passes(prepared, target, "int8", tmp_path)
        assert mean < 0.1, f"{path.name} may pass on a lucky draw of weights, but differs by {mean:.2g}"
        assert mean > 1e-3, f"{path.name} must be quantised, but differs by {mean:.1g} only, as float32 does"


@pytest.mark.parametrize(("name", "pixels", "expected"), [("vit", False, True), ("residual_b", True, False)])
def test_attention_is_told_from_probabilities(name, pixels, expected):
    assert attends(to_openvino.graph(prepare(ready(name), Form(pixels=pixels)))) is expected


@pytest.mark.parametrize("name", PIXELS)
def test_preprocessing_inside(name, tmp_path):
    model = ready(name)
    model.description.preprocessing.resize = 20 if name == "vit" else 0
    prepared = prepare(model, Form(pixels=True))
    for target in TARGETS:
        path, _ = check_passes(prepared, target, "fp32", tmp_path)
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
