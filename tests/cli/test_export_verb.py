"""``residuum export`` as a user types it."""

import json
import re

import pytest
from shipped_members import ready
from typer.testing import CliRunner

from residuum.cli import app
from residuum.errors import InputError
from residuum.weights import save


@pytest.fixture
def weights(tmp_path):
    save(ready("residual_a"), tmp_path / "model.safetensors", classes=["ant", "bee", "cat", "dog", "eel"])
    return tmp_path / "model.safetensors"


def test_export_says_what_it_wrote(weights, tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["export", str(weights), "--to", "onnx", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "cifar_resnet as onnx, fp32 (onnxruntime computes no bf16 on processors)" in done.output
    assert "onnxruntime\t" in done.output and f"wrote {out / 'model.onnx'}" in done.output
    done = CliRunner().invoke(app, ["export", str(weights), "--to", "onnx", "-o", str(out), "--pixels", "--json"])
    said = json.loads(done.stdout)
    assert said["pixels"] and said["classes"][0] == "ant" and said["measured"]["onnxruntime"]["passed"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--opset", "12"], "opset must be 13 to 20, or 0 for the lowest that the network allows, got 12"),
        (["--opset", "99"], "opset must be 13 to 20, .* got 99"),
        (["--opset", "-3"], "opset must be 13 to 20, .* got -3"),
        (["--batch-size", "-1"], "batch_size must be 1 or more images, or 0 for any number, got -1"),
        (["--fixed", "--pixels"], "pixels takes images of any size and excludes fixed"),
    ],
)
def test_forms_out_of_bounds_are_refused(flags, message, weights, tmp_path):
    done = CliRunner().invoke(app, ["export", str(weights), "--to", "onnx", "-o", str(tmp_path / "out"), *flags])
    assert isinstance(done.exception, InputError) and re.match(message, str(done.exception))
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_an_opset_that_is_no_number_is_refused(weights, tmp_path):
    done = CliRunner().invoke(app, ["export", str(weights), "--opset", "new", "-o", str(tmp_path / "out")])
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.output)
    assert done.exit_code == 2 and "Invalid value for '--opset'" in said


def test_wrong_input_is_told_before_anything_is_loaded(weights, tmp_path):
    done = CliRunner().invoke(app, ["export", str(weights), "--to", "tensorrt", "-o", str(tmp_path / "out")])
    assert done.exit_code and "to must be one of openvino, onnx, torch, got 'tensorrt'" in str(done.exception)
    done = CliRunner().invoke(app, ["export", str(weights), "-o", str(tmp_path)])
    assert "must be a new folder or an earlier export" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
