"""Wrong input is told clearly, and leaves no file behind."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
from shipped_members import member, ready
from torch import nn

from residuum import create_model
from residuum.deploy import TARGETS, Engine, export
from residuum.deploy.parity import TOLERANCES, Gate, check, tolerance_of
from residuum.deploy.prepare import prepare
from residuum.deploy.probes import make_probes
from residuum.errors import InputError
from residuum_runtime import Card
from residuum_runtime.card import KEY, from_text


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """An ONNX file of a network with strides, by path, and what it was made from."""
    prepared = prepare(ready("alexnet"))
    folder = tmp_path_factory.mktemp("alexnet")
    return TARGETS["onnx"].write(prepared, folder, prepared.carded(target="onnx")), prepared


def check_refused(tmp_path, match, model=None, **arguments):
    with pytest.raises(InputError, match=match):
        export(model or ready("residual_a"), tmp_path / "out", **arguments)
    left = [path.name for path in tmp_path.iterdir()]
    assert not left, f"a refused export left {left}"


@pytest.mark.parametrize("name", ["bert_tiny", "gpt_tiny"])
def test_networks_that_take_no_images_are_named(name, tmp_path):
    said = f"exports are of networks that take images, got {name}, which takes tokens or sequences; "
    with pytest.raises(InputError, match=said):
        export(create_model(name), tmp_path / "out", to="onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("layers", "factor"), [(1, 1), (16, 4), (100, 10)])
def test_the_tolerance_of_float16_grows_with_the_root_of_the_layers(layers, factor):
    deep = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(layers)))
    limits, one = tolerance_of("fp16", deep), tolerance_of("fp16", nn.Linear(1, 1))
    assert limits.largest == pytest.approx(factor * one.largest) and limits.mean == pytest.approx(factor * one.mean)
    assert one.largest == pytest.approx(24 * 2**-11 * (2 / 3) ** 0.5) and one.clear == 2 * one.largest
    assert tolerance_of("fp32", deep) is TOLERANCES["fp32"]


def test_models_that_can_not_be_shipped(tmp_path):
    model = ready("residual_a")
    model.stem.conv.weight.data[0] = torch.nan
    check_refused(tmp_path, "weights must be finite numbers, but stem.conv.weight hold NaN or infinity", model)
    model, _ = member("residual_a")
    check_refused(tmp_path, "the model must describe its preprocessing, but does not", model)
    model = ready("residual_a")
    model.reset_classifier(0)
    check_refused(tmp_path, r"must end in logits, but it has num_classes 0 \(features\)", model)
    model = ready("residual_a")
    model.description.preprocessing.mean = (0.5,)
    model.description.preprocessing.std = (0.5,)
    check_refused(tmp_path, "images must have the shape", model)
    model = ready("alexnet")
    model.description.preprocessing.size = (40, 40)
    check_refused(tmp_path, "strides need images of at least 63 x 63 pixels, got 40 x 40", model)


def test_targets_and_precisions(tmp_path):
    check_refused(tmp_path, "to must be one of openvino, onnx, torch, got 'tensorrt'", to="tensorrt")
    match = "precision of onnx must be one of auto, fp32, fp16, int8, got 'bf16', or --to openvino or torch"
    check_refused(tmp_path, match, to="onnx", precision="bf16")
    match = "precision of torch must be one of auto, fp32, bf16, got 'int4'$"
    check_refused(tmp_path, match, to="torch", precision="int4")


class Sorting(nn.Module):
    """An operator that no engine has."""

    def forward(self, x):
        return torch.special.airy_ai(x)


class Looking(nn.Module):
    """What comes out depends on values in a way that no graph can hold."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("part", "match"),
    [
        (Sorting(), "cifar_resnet must consist of ONNX operators, but: .*airy_ai"),
        (Looking(), "cifar_resnet must be a network that torch.export can follow at any batch size, but: "),
    ],
)
def test_unknown_operators(part, match, tmp_path):
    model = ready("residual_a")
    model.stages[0][0].activation = part
    check_refused(tmp_path, match, model, to="openvino", precision="fp32")


def test_a_size_that_the_engine_refuses(tmp_path):
    prepared = prepare(ready("vit"))
    probes = make_probes(prepared, None)
    path = TARGETS["onnx"].write(prepared, tmp_path, prepared.carded(target="onnx", size=(20, 20)))
    with pytest.raises(
        InputError,
        match=r"at every batch and size, but: onnxruntime must run a batch of shape \[1, 3, 20, 20\]",
    ):
        check(prepared, path, "onnxruntime", probes, Gate(TOLERANCES["fp32"], 0.5))


def test_what_stands_in_the_way_is_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(
        InputError, match="--output must be a new folder or an earlier export, got .*holds something else"
    ):
        export(ready("residual_a"), tmp_path, to="onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_images_that_the_file_does_not_take(written):
    engine = Engine(written[0], engine="onnxruntime")
    with pytest.raises(
        InputError, match=r"images must have the shape \[N, 3, H, W\] with N of 1 or more, got \[1, 1, 64, 64\]"
    ):
        engine.run(np.zeros((1, 1, 64, 64), np.float32))
    with pytest.raises(InputError, match="at least 63 x 63 pixels, got 62 x 80; enlarge them"):
        engine.run(np.zeros((1, 3, 62, 80), np.float32))
    with pytest.raises(InputError, match="this file takes float32 images, got uint8"):
        engine.run(np.zeros((1, 3, 64, 64), np.uint8))
    with pytest.raises(InputError, match="image 0 must be uint8, or floats from 0 to 1, got int64; convert it"):
        engine.predict([np.zeros((3, 8, 8), np.int64)])
    with pytest.raises(InputError, match="there is no file nowhere.png"):
        engine.predict("nowhere.png")
    with pytest.raises(InputError, match="there is no image to evaluate on"):
        engine.evaluate([])


def test_files_that_are_not_for_the_engine(written, tmp_path, monkeypatch):
    path, _ = written
    with pytest.raises(
        InputError, match=r"torch runs .pt2 files, got model.onnx, made for onnxruntime; leave the engine"
    ):
        Engine(path, engine="torch")
    with pytest.raises(InputError, match="engine must be one of auto, openvino, onnxruntime, torch, got 'tvm'"):
        Engine(path, engine="tvm")
    with pytest.raises(InputError, match="threads must be 1 or more, got 0"):
        Engine(path, threads=0)
    with pytest.raises(InputError, match="expected an exported file or folder, but there is no"):
        Engine(tmp_path / "none")
    with pytest.raises(InputError, match=r"must hold one of model.xml, model.onnx, model.pt2"):
        Engine(tmp_path)
    (tmp_path / "weights.bin").touch()
    with pytest.raises(InputError, match=r"an exported file ends in .xml, .onnx, .pt2, got weights.bin"):
        Engine(tmp_path / "weights.bin")
    monkeypatch.setattr("residuum_runtime.sessions.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match="model.onnx runs on onnxruntime, which is not installed; pip install onnxruntime"
    ):
        Engine(path)


@pytest.mark.parametrize(
    ("name", "engine"), [("model.xml", "OpenVINO"), ("model.onnx", "ONNX Runtime"), ("model.pt2", "torch")]
)
def test_damaged_files(name, engine, tmp_path):
    (tmp_path / name).write_bytes(b"PK\x03\x04 not what it seems")
    (tmp_path / "model.bin").touch()
    with pytest.raises(InputError, match=f"cannot be read by {engine} .*export it again"):
        Engine(tmp_path / name, engine={"model.onnx": "onnxruntime"}.get(name, "auto"))


def test_weights_that_were_left_behind(tmp_path):
    (tmp_path / "model.xml").touch()
    with pytest.raises(InputError, match=r"model.xml needs model.bin beside it; copy both"):
        Engine(tmp_path)


def test_files_of_others_and_of_newer_versions(written, tmp_path):
    path, prepared = written
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(
        InputError, match="must be a file that `residuum export` wrote, but it does not describe classes"
    ):
        Engine(tmp_path / "other.onnx", engine="onnxruntime")
    newer = dataclasses.replace(prepared.card, format=99, made={"residuum": "9.9"})
    model.metadata_props.append(onnx.StringStringEntryProto(key=KEY, value=newer.to_text()))
    onnx.save(model, tmp_path / "newer.onnx")
    with pytest.raises(
        InputError, match=r"must be of format 1 or older, got 99, written by Residuum 9.9; install a newer"
    ):
        Engine(tmp_path / "newer.onnx", engine="onnxruntime")
    for text in ("{", "[]", json.dumps({"format": 1, "model": "x"}), json.dumps({"format": "new"})):
        with pytest.raises(InputError, match="must describe itself, got a text that does not parse"):
            from_text(text, "file")


def test_a_card_survives_its_text():
    card = Card(
        "m",
        "onnx",
        "int8",
        3,
        (4, 5),
        (0.1,),
        (0.2,),
        classes=("ä", '"b"'),
        kept=("stem.conv",),
        measured={"x": {"y": [1]}},
    )
    assert from_text(card.to_text(), "file") == card
