import re

import pytest
import torch
from torchvision import models as peer

import residuum
from residuum.errors import InputError
from residuum.weights import examine


@pytest.fixture
def state():
    return peer.resnet18(num_classes=3).state_dict()


def examined(content, tmp_path):
    torch.save(content, tmp_path / "w.pth")
    return examine(tmp_path / "w.pth")


def test_a_training_checkpoint(state, tmp_path):
    wrapped = {f"module._orig_mod.{name}": value for name, value in state.items()}
    content = {"state_dict": wrapped, "state_dict_ema": state, "optimizer": {"state": {0: 1}}, "epoch": 3, "arch": "x"}
    found = examined(content, tmp_path)
    assert (found.model, found.arguments, found.depth, found.num_classes) == ("resnet18", {"num_classes": 3}, 18, 3)
    assert (found.roof, found.wrapper, found.source) == ("state_dict", "module._orig_mod.", "torchvision (and timm)")
    assert (found.averaged, found.optimiser, found.beside) == (True, "optimizer", ["arch", "epoch"])
    assert found.dtypes == {"float32": 102, "int64": 20}
    assert found.parameters == sum(value.numel() for value in peer.resnet18(num_classes=3).parameters())
    assert found.odd == []
    assert found.how_to_load == "residuum.load('w.pth'); ema=False takes the weights that are not averaged"


def test_our_own_file(tmp_path):
    residuum.save(residuum.create_model("cifar_resnet", depth=8), tmp_path / "a.safetensors", licence="MIT")
    found = examine(tmp_path / "a.safetensors")
    assert (found.kind, found.model, found.depth) == ("safetensors", "cifar_resnet", 8)
    assert found.description.licence == "MIT"
    assert (found.odd, found.how_to_load) == ([], "residuum.load('a.safetensors')")


def odd(name, value):
    """Return a change of one tensor of the state."""

    def change(state):
        state[name] = value(state[name].clone())

    return change


def put(index, number):
    def value(tensor):
        tensor[index] = number
        return tensor

    return value


ODD = {
    "NaN": (
        odd("layer2.0.conv1.weight", put((3, 1), float("nan"))),
        r"layer2.0.conv1.weight: 9 of \d+ numbers are NaN",
    ),
    "infinite": (odd("fc.bias", put(0, float("inf"))), r"fc.bias: 1 of 3 numbers are NaN or infinite"),
    "dead filter": (odd("conv1.weight", put(slice(0, 2), 0)), r"conv1.weight: 2 of 64 channels are dead \(all their w"),
    "dead scale": (odd("bn1.weight", put(5, 0)), r"bn1.weight: 1 of 64 channels are dead \(their scale is 0\)"),
    "zero gamma": (odd("layer1.0.bn2.weight", torch.zeros_like), r"layer1.0.bn2.weight: every scale is 0"),
    "no variance": (odd("bn1.running_var", put(slice(0, 4), 0)), r"bn1.running_var: 4 of 64 channels have no variance"),
    "negative": (odd("bn1.running_var", put(0, -1)), r"bn1.running_var: 1 running variances are negative"),
    "sizes": (odd("bn1.weight", lambda value: value[:32]), r"bn1.weight: \[32\] scales for \[64\] running variances"),
    "shape": (
        odd("fc.bias", lambda value: value[:2]),
        r"1 entries do not fit\n  shape: fc.bias \[2\] in the file, \[3\]",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_named(case, state, tmp_path):
    change, message = ODD[case]
    change(state)
    found = examined(state, tmp_path)
    assert found.model == "resnet18"
    assert any(re.search(message, finding) for finding in found.odd), found.odd
    assert ("strict=False" in found.how_to_load) == (case in ("sizes", "shape"))


def test_odd_numbers_in_the_averaged_copy(state, tmp_path):
    sick = {name: value.clone() for name, value in state.items()}
    sick["fc.bias"][0] = float("nan")
    found = examined({"model": state, "model_ema": sick}, tmp_path)
    assert found.odd == ["averaged copy: fc.bias: 1 of 3 numbers are NaN or infinite"]


def test_an_unknown_architecture_is_a_finding(tmp_path):
    found = examined({"a.weight": torch.ones(2, 2), "a.bias": torch.zeros(2)}, tmp_path)
    assert (found.model, found.parameters, found.tensors) == ("", 6, 2)
    assert "must hold a model of this library" in found.odd[0]
    assert found.how_to_load.startswith("not with this library")


def test_a_file_that_is_none_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match=r"must be a weights file"):
        examine(tmp_path / "a.txt")
