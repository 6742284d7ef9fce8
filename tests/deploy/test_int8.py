"""int8: what is kept, what is measured, and what calibration must be."""

import dataclasses

import numpy as np
import onnx
import openvino
import pytest
import torch
from shipped_members import ready

from residuum import create_model
from residuum.data import ArrayImages, open_data
from residuum.deploy import Engine, export
from residuum.deploy.calibration import make_calibration
from residuum.deploy.prepare import prepare
from residuum.deploy.probes import reference_logits, spread
from residuum.deploy.quantise import controlled, rank, rounded, rounded_weight
from residuum.deploy.targets import TARGETS
from residuum.errors import InputError, ParityFailed
from residuum.models import Preprocessing


@pytest.fixture(scope="module")
def digits():
    return open_data("digits")


@pytest.fixture(scope="module")
def reader(digits):
    """A small network that reads digits: trained for a few steps, so that rounding has something to lose."""
    torch.manual_seed(0)
    model = create_model("cifar_resnet", depth=8, widths=(8, 16, 32), in_chans=1)
    mean, std = digits.mean, digits.std
    images = (digits.train.pixels.float() / 255 - mean[0]) / std[0]
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for step in range(60):
        part = slice(64 * step % 1400, 64 * step % 1400 + 64)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(images[part]), digits.train.labels[part]).backward()
        optimiser.step()
    model.description.preprocessing = Preprocessing((8, 8), mean, std)
    model.description.classes = list(digits.classes)
    return model.eval()


@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_int8_reads_digits_as_float32_does(target, reader, digits, tmp_path):
    done = export(reader, tmp_path / "out", to=target, precision="int8", data=digits, drop=2.0)
    measured = done.card.measured[TARGETS[target].engine]
    assert measured["accuracy"]["pictures"] == 359 and measured["accuracy"]["reference"]["percent"] > 85
    assert done.card.made["calibration"]["pictures"] == 300
    assert 1e-3 < measured["mean"] < 0.25  # it is quantised: float32 would be below 1e-5
    low, high = measured["accuracy"]["exported"]["interval"]
    assert low < measured["accuracy"]["exported"]["percent"] < high


def int8_matrices(path):
    """Return how many weights of the file are int8."""
    if path.suffix == ".onnx":
        stored = onnx.load(path).graph.initializer
        return sum(entry.data_type == onnx.TensorProto.INT8 and len(entry.dims) > 1 for entry in stored)
    nodes = openvino.Core().read_model(path).get_ops()
    constants = (node for node in nodes if node.get_type_name() == "Constant")
    return sum(node.get_element_type() == openvino.Type.i8 and len(node.get_output_shape(0)) > 1 for node in constants)


@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_named_layers_are_kept_in_float32(target, reader, digits, tmp_path):
    prepared, row = prepare(reader), TARGETS[target]
    prepared.made["calibration"] = calibration = make_calibration(prepared, digits, 40)
    order = rank(prepared, calibration)
    assert len(order) == 8
    exact, pictures = reference_logits(prepared, "images", calibration.control[:100]), calibration.control[:100]
    error = {}
    for count in (0, 3, 8):
        (tmp_path / str(count)).mkdir()
        card = prepared.carded(target=target, precision="int8", kept=tuple(order[:count]))
        path = row.write(prepared, tmp_path / str(count), card)
        assert int8_matrices(path) == 8 - count
        error[count] = np.abs(Engine(path, engine=row.engine).logits(pictures) - exact).mean()
    assert error[8] < error[3] < error[0]


def test_control_keeps_more_until_the_loss_is_allowed(reader, digits, monkeypatch):
    prepared = prepare(reader)
    calibration = prepared.made["calibration"] = make_calibration(prepared, digits)
    needed = 2

    def percent(prepared, write, engine, card, calibration):
        return calibration.reference - (0.2 if len(card.kept) >= needed else 3)

    monkeypatch.setattr("residuum.deploy.quantise._percent", percent)
    card = controlled(prepared, TARGETS["onnx"].write, "onnxruntime", prepared.carded(precision="int8"), 0.5)
    assert list(card.kept) == rank(prepared, calibration)[:2]
    assert card.made["calibration"]["control_drop"] == pytest.approx(0.2)
    needed = 100
    with pytest.raises(ParityFailed, match=r"int8 must lose at most 0.5 points on \d+ training images, but loses 3.00"):
        controlled(prepared, TARGETS["onnx"].write, "onnxruntime", prepared.carded(precision="int8"), 0.5)


def test_calibration_takes_training_pictures_and_controls_on_others(reader, digits):
    calibration = make_calibration(prepare(reader), digits, 100)
    training = {picture.tobytes() for picture in digits.train.pixels.numpy()}
    held_out = {picture.tobytes() for picture in digits.val.pixels.numpy()} - training
    taken, control = ([p.tobytes() for p in images] for images in (calibration.images, calibration.control))
    assert len(taken) == 100 and len(control) == 1000
    assert set(taken) | set(control) <= training and not held_out & set(taken)
    assert not set(spread(50, 20).tolist()) & set(spread(50, 20, skip=20).tolist())


def test_bad_calibration(reader, digits):
    prepared = prepare(reader)
    few = dataclasses.replace(digits, train=ArrayImages(digits.train.pixels[:40], digits.train.labels[:40]))
    with pytest.raises(
        InputError, match="int8 needs at least 64 training images, half of them to calibrate on, got 40"
    ):
        make_calibration(prepared, few)
    ones = digits.train.labels == 1
    single = dataclasses.replace(digits, train=ArrayImages(digits.train.pixels[ones], digits.train.labels[ones]))
    with pytest.raises(InputError, match=r"calibrated on images of several classes, got \d+ of one \(1\)"):
        make_calibration(prepared, single)


def test_int8_needs_pictures(tmp_path):
    with pytest.raises(InputError, match="int8 must be calibrated on images like its future inputs; give --data"):
        export(ready("residual_a"), tmp_path / "out", precision="int8")
    assert not list(tmp_path.iterdir())


def test_rounding_has_256_levels():
    x = torch.linspace(-1, 3, 5000)
    assert len(rounded(x).unique()) == 256 and (rounded(x) - x).abs().max() <= 4 / 255 / 2 + 1e-6
    weight = torch.randn(4, 3, 3, 3) * torch.tensor([1, 10, 100, 0.1]).view(4, 1, 1, 1)
    error = (rounded_weight(weight) - weight).abs().flatten(1).amax(1) / weight.abs().flatten(1).amax(1)
    assert error.max() <= 0.5 / 127 + 1e-6
