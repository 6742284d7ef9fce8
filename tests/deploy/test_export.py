"""An export appears completely or not at all, equals the model, and is refused when it does not."""

import json
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from shipped_members import MEAN, ready

import residuum
from residuum import cli
from residuum.deploy import TARGETS, Engine, export, targets, to_onnx
from residuum.deploy.parity import TOLERANCES, Gate, check
from residuum.deploy.prepare import prepare
from residuum.deploy.probes import make_probes
from residuum.errors import InputError, ParityFailed
from residuum.weights import save

GATE = Gate(TOLERANCES["fp32"], 0.5)


def test_an_export_of_each_target_predicts_as_the_model(tmp_path):
    model = ready("residual_a")
    model.description.classes = list("abcde")
    images = np.random.default_rng(0).normal(size=(5, 3, 16, 16)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).numpy()
    for target, row in TARGETS.items():
        done = export(model, tmp_path / target, to=target, precision="fp32")
        assert {path.name for path in done.folder.iterdir()} >= {"parity.json", done.file.name}
        said = json.loads((done.folder / "parity.json").read_text())
        assert said["measured"][row.engine]["passed"] and said["measured"][row.engine]["largest"] < 1e-4
        assert set(said["files"]) == {path.name for path in done.folder.iterdir()} - {"parity.json"}
        engine = Engine(done.folder, engine=row.engine)
        assert engine.card == done.card and engine.card.classes == tuple("abcde")
        np.testing.assert_allclose(engine.run(images), expected, atol=1e-4)
    assert not list(tmp_path.glob(".*"))


@pytest.fixture(scope="module")
def prepared():
    return prepare(ready("residual_b"))


@pytest.fixture(scope="module")
def probes(prepared):
    return make_probes(prepared, None)


def change(path, layer, kind, how):
    """Change the weight or bias of one layer in an ONNX file."""
    model = onnx.load(path)
    node = next(node for node in model.graph.node if layer in node.output)
    name = node.input[{"weight": 1, "bias": 2}[kind]]
    value = next(entry for entry in model.graph.initializer if entry.name == name)
    value.CopyFrom(numpy_helper.from_array(how(numpy_helper.to_array(value)).astype(np.float32), name))
    onnx.save(model, path)


def flipped(values):
    values = values.copy()
    values[0] *= -1
    return values


DAMAGE = {
    "a flipped sign": ("stages.1.0.branch.conv2", "weight", flipped),
    "a dropped bias": ("stages.2.0.shortcut.conv", "bias", np.zeros_like),
    "a weight that is no number": ("stages.0.0.branch.conv1", "weight", lambda values: values * np.nan),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_are_caught_and_the_layer_is_named(damage, prepared, probes, tmp_path):
    layer, kind, how = DAMAGE[damage]
    path = TARGETS["onnx"].write(prepared, tmp_path, prepared.carded(target="onnx"))
    change(path, layer, kind, how)
    with pytest.raises(ParityFailed, match=rf"onnxruntime differs: .*The first layer that differs is {layer} by"):
        check(prepared, path, "onnxruntime", probes, GATE)


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_wrong_mean_is_caught(target, prepared, probes, tmp_path):
    wrong = prepared.carded(target=target, mean=(MEAN[1], MEAN[0], MEAN[2]))
    path = TARGETS[target].write(prepared, tmp_path, wrong)
    with pytest.raises(ParityFailed, match="before the first layer: mean and standard deviation"):
        check(prepared, path, TARGETS[target].engine, probes, GATE)


def test_wrong_resizing_is_caught(tmp_path):
    model = ready("residual_b")
    model.description.preprocessing.resize = 24
    prepared = prepare(model)
    path = TARGETS["onnx"].write(prepared, tmp_path, prepared.carded(target="onnx", resize=0))
    with pytest.raises(ParityFailed, match="onnxruntime differs: picture_0 by"):
        check(prepared, path, "onnxruntime", make_probes(prepared, None), GATE)


def test_a_failed_gate_leaves_nothing_and_ends_with_3(tmp_path, monkeypatch, capsys):
    def damaged(prepared, folder, card):
        path = to_onnx.write(prepared, folder, card)
        change(path, "stem.conv", "bias", np.zeros_like)
        return path

    monkeypatch.setitem(targets.TARGETS, "onnx", TARGETS["onnx"]._replace(write=damaged))
    save(ready("residual_b"), tmp_path / "model.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["residuum", "export", "model.safetensors", "--to", "onnx", "-o", "out"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 3
    assert "the first layer that differs is stem.conv" in capsys.readouterr().err.lower()
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_failed_gate_leaves_the_earlier_export(tmp_path, monkeypatch):
    model = ready("highway_mlp")
    first = export(model, tmp_path / "out", to="onnx")
    before = (tmp_path / "out" / "parity.json").read_bytes()
    monkeypatch.setitem(TOLERANCES, "fp32", TOLERANCES["fp32"]._replace(largest=-1.0))
    with pytest.raises(ParityFailed):
        export(model, tmp_path / "out", to="onnx")
    assert (tmp_path / "out" / "parity.json").read_bytes() == before
    monkeypatch.undo()
    assert export(model, tmp_path / "out", to="onnx", pixels=True).card.pixels  # and a good one replaces it
    assert Engine(first.folder).card.pixels and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_function_hides_behind_no_file():
    import residuum.deploy
    import residuum.deploy.exporting  # a file of the function's name would take its place here

    assert residuum.deploy.export is residuum.deploy.exporting.export


def axes(path):
    value = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    return [dimension.dim_param or dimension.dim_value for dimension in value]


@pytest.mark.parametrize(
    ("name", "arguments", "opset", "shape"),
    [
        ("residual_b", {}, 15, ["batch", 3, "height", "width"]),
        ("highway_mlp", {}, 14, ["batch", 3, 16, 16]),
        ("residual_b", {"opset": 16}, 16, ["batch", 3, "height", "width"]),
        ("residual_a", {"fixed": True}, None, [1, 3, 16, 16]),
        ("residual_b", {"batch_size": 4, "precision": "fp16"}, None, [4, 3, "height", "width"]),
    ],
)
def test_opset_precision_and_shape_of_an_onnx_file(name, arguments, opset, shape, tmp_path):
    done = export(ready(name), tmp_path / "out", to="onnx", **arguments)
    written = onnx.load(done.file)
    assert done.card.made["opset"] == written.opset_import[0].version and done.card.made["ir"] == written.ir_version
    assert (opset is None or written.opset_import[0].version == opset) and written.ir_version <= 8
    assert axes(done.file) == shape
    halves = any(entry.data_type == onnx.TensorProto.FLOAT16 for entry in written.graph.initializer)
    assert halves == (done.card.precision == "fp16")
    blank = np.zeros((3, 3, 16, 16), np.float32)
    assert Engine(done.folder, engine="onnxruntime").run(blank).shape == (3, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to": "onnx", "opset": 14}, "opset must be 15 or newer for the operators of cifar_resnet, got 14"),
        ({"to": "onnx", "opset": 9}, "opset must be 13 to 20, or 0 for the lowest that the network allows, got 9"),
        ({"to": "onnx", "opset": 21}, "opset must be 13 to 20, .* got 21"),
        ({"to": "onnx", "opset": -1}, "opset must be 13 to 20, .* got -1"),
        ({"to": "onnx", "opset": "17"}, "opset must be a whole number, got '17'"),
        ({"to": "onnx", "opset": 17.0}, "opset must be a whole number, got 17.0"),
        ({"to": "onnx", "opset": True}, "opset must be a whole number, got True"),
        ({"to": "onnx", "batch_size": "4"}, "batch_size must be a whole number, got '4'"),
        ({"to": "onnx", "opsets": 17}, "the form of an export has no 'opsets'; did you mean opset"),
        ({"to": "openvino", "opset": 17}, "opset is a version of ONNX's operators, got 17 with --to openvino"),
        ({"to": "torch", "precision": "fp16"}, r"precision of torch must be one of .* got 'fp16', or --to onnx"),
        (
            {"to": "onnx", "fixed": True, "pixels": True},
            "pixels takes images of any size and excludes fixed; leave one out",
        ),
        ({"to": "onnx", "batch_size": -1}, "batch_size must be 1 or more images, or 0 for any number, got -1"),
    ],
)
def test_forms_that_a_file_can_not_have(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        export(ready("residual_b"), tmp_path / "out", **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["onnx", "openvino", "torch"])
def test_a_bicubic_resize_is_exported_and_run_as_it_is_in_the_library(to, tmp_path):
    model = residuum.create_model("cifar_resnet", depth=8, widths=(4, 8, 16), num_classes=3).eval()
    model.description.preprocessing = residuum.Preprocessing((32, 32), (0.5,) * 3, (0.25,) * 3, 36, "bicubic")
    done = export(model, tmp_path / "pixels", to=to, pixels=True, precision="fp32")
    assert done.card.interpolation == "bicubic"  # the gate compares the resize inside the file with torch's
    again = export(model, tmp_path / "plain", to=to, precision="fp32")
    assert '"interpolation": "bicubic"' in again.card.to_text()
