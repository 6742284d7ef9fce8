"""A network under any prefix, in any entry, with the classifier that stands beside it, and what is left out said."""

import collections

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models as peer

import residuum
from residuum.errors import InputError
from residuum.weights import examine

IMAGES = torch.linspace(-2, 2, 3 * 40 * 40).view(1, 3, 40, 40)
FC = ("fc.weight", "fc.bias")


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return peer.resnet18(num_classes=3).eval()


def under(prefix, state, fc="fc"):
    return {prefix + (name.replace("fc.", f"{fc}.") if name in FC else name): v for name, v in state.items()}


def features(state):
    return {name: value for name, value in state.items() if name not in FC}


def loaded(content, tmp_path, **overrides):
    torch.save(content, tmp_path / "w.pth")
    return residuum.load(tmp_path / "w.pth", **overrides)


PREFIXES = ["trunk.", "module.model.", "net.0.", "a.b.c.d.", "_orig_mod.module.", "student_net.", "layer1."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_prefix(prefix, theirs, tmp_path):
    ours = loaded(under(prefix, theirs.state_dict()), tmp_path)
    assert torch.equal(ours(IMAGES), theirs(IMAGES))
    assert examine(tmp_path / "w.pth").wrapper == prefix


@pytest.mark.parametrize("name", ["fc.1", "classifier", "head.fc", "linear", "classifier.1", "heads.final"])
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "beside"])
def test_the_classifier_has_any_name_inside_or_beside(name, inside, theirs, tmp_path):
    state = theirs.state_dict()
    content = {**under("trunk.", features(state)),
               **{f"{'trunk.' if inside else ''}{name}.{key[3:]}": state[key] for key in FC}}  # fmt: skip
    assert torch.equal(loaded(content, tmp_path)(IMAGES), theirs(IMAGES))


def two_layers(*names):
    return {f"{name}.{leaf}": torch.ones(512, 512) if leaf == "weight" else torch.ones(512)
            for name in names for leaf in ("weight", "bias")}  # fmt: skip


@pytest.mark.parametrize("head", [("fc.0", "fc.2"), ("projector.0", "projector.3"), ("head.mlp.0", "head.mlp.2")])
def test_a_projection_head_is_no_classifier_and_is_said(head, theirs, tmp_path):
    content = under("encoder.", {**features(theirs.state_dict()), **two_layers(*head)})
    with pytest.warns(UserWarning, match=r"w.pth: left out .*tensors? of "):
        ours = loaded(content, tmp_path)
    assert ours.num_classes == 0
    assert torch.equal(ours(IMAGES), nn.Sequential(*list(theirs.children())[:-1])(IMAGES).flatten(1))
    assert "left out: " in ours.description.provenance


def test_of_momentum_encoders_the_one_that_learns_is_taken_and_the_other_by_name(theirs, tmp_path):
    state = theirs.state_dict()
    other = {name: value * 2 if value.ndim == 4 else value for name, value in state.items()}
    content = {"state_dict": under("module.encoder_q.", state) | under("module.encoder_k.", other)
               | {"module.queue": torch.zeros(128, 8)}}  # fmt: skip
    with pytest.warns(
        UserWarning, match=r"left out 122 tensors of module.encoder_k, 1 tensor of module.queue, 2 tensors of fc"
    ):
        ours = loaded(content, tmp_path)
    assert ours.num_classes == 0  # what MoCo calls fc projects
    assert torch.equal(ours.stem.conv.weight, state["conv1.weight"])
    with pytest.warns(UserWarning, match="left out"):
        follower = residuum.load(tmp_path / "w.pth", entry="encoder_k")
    assert torch.equal(follower.stem.conv.weight, other["conv1.weight"])
    with pytest.warns(UserWarning, match="left out"):
        assert torch.equal(residuum.load(f"{tmp_path / 'w.pth'}::encoder_k").stem.conv.weight, other["conv1.weight"])


def test_the_teacher_is_the_students_average(theirs, tmp_path):
    state = features(theirs.state_dict())
    other = {name: value * 2 if value.ndim == 4 else value for name, value in state.items()}
    content = {"student": under("module.backbone.", other), "teacher": under("backbone.", state), "epoch": 3}
    assert torch.equal(loaded(content, tmp_path).stem.conv.weight, state["conv1.weight"])
    assert torch.equal(loaded(content, tmp_path, entry="student").stem.conv.weight, other["conv1.weight"])
    assert torch.equal(loaded(content, tmp_path, ema=False).stem.conv.weight, other["conv1.weight"])


def test_several_networks_ask_for_a_name(theirs, tmp_path):
    state = theirs.state_dict()
    with pytest.raises(InputError, match=r"several networks needs the name of one, got .*left.*; say --entry"):
        loaded(under("left.", state) | under("right.", state), tmp_path)
    with pytest.warns(UserWarning, match=r"left out .* of left.layer4, .* of left.fc"):
        assert residuum.load(tmp_path / "w.pth", entry="right").num_classes == 3
    with pytest.raises(InputError, match=r"one of a usual name, got one \(122 tensors\), two \(122 tensors\); say"):
        loaded({"one": state, "two": state}, tmp_path)
    assert torch.equal(residuum.load(tmp_path / "w.pth", entry="two")(IMAGES), theirs(IMAGES))
    with pytest.raises(InputError, match=r"entry must name one of one, two, got 'tow'; did you mean two"):
        residuum.load(tmp_path / "w.pth", entry="tow")


ENTRIES = {
    "state_dict.model": lambda state: {"state_dict": {"model": state}},
    "net.params": lambda state: {"net": {"params": collections.OrderedDict(state)}, "iteration": 5},
    "a list": lambda state: [3, state],
    "a lone name": lambda state: {"resnet_weights": state, "classes": ["a"]},
    "beside its optimiser": lambda state: {
        "weights_of_net": state,
        "optim": {"state": {0: {"exp_avg": torch.ones(9, 9)}}, "param_groups": []},
        "optimizer_b": {"big": torch.ones(4000, 4000)},
    },
    "parameters": lambda state: {name: nn.Parameter(value.float()) for name, value in state.items()},
    "numpy": lambda state: {"model": {name: value.numpy() for name, value in state.items()}},
    "numpy, wide": lambda state: {name: value.double().numpy() for name, value in state.items()},
}


@pytest.mark.parametrize("case", ENTRIES)
def test_entries_at_any_depth(case, theirs, tmp_path):
    ours = loaded(ENTRIES[case](theirs.state_dict()), tmp_path)
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), rtol=1e-6, atol=1e-6)


def test_arrays_of_an_npz(theirs, tmp_path):
    np.savez(tmp_path / "w.npz", **{name: value.numpy() for name, value in theirs.state_dict().items()})
    assert torch.equal(residuum.load(tmp_path / "w.npz")(IMAGES), theirs(IMAGES))


def test_layers_by_number(theirs, tmp_path):
    ours = loaded(nn.Sequential(*theirs.children()).state_dict(), tmp_path)
    assert torch.equal(ours(IMAGES), theirs(IMAGES))


def test_objects_in_arrays_are_never_opened(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.array([{"x": 1}], dtype=object))
    with pytest.raises(InputError, match=r"plain arrays of numbers, got: Object arrays cannot be loaded"):
        residuum.load(tmp_path / "w.npz")
