"""Weights that others published or write, without flags."""

from pathlib import Path

import pytest
import torch
from torchvision import models as peer

import residuum
from residuum.errors import InputError
from residuum.weights import write_safetensors

PUBLISHED = Path(__file__).parents[3] / "shared" / "weights" / "akamaster"


@pytest.mark.parametrize("depth", [20, 56])
def test_published_cifar_weights_load_without_flags(depth):
    path = PUBLISHED / f"resnet{depth}.th"
    if not path.exists():
        pytest.skip(f"{path.name} of the published CIFAR weights is not beside this checkout")
    model = residuum.load(path)
    told = model.description
    assert (told.model, told.arguments, told.classes[0], told.classes[9]) == (
        f"cifar_resnet{depth}",
        {},
        "airplane",
        "truck",
    )
    assert told.preprocessing == residuum.Preprocessing((32, 32), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert "pad with zeros" in told.provenance
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    assert torch.equal(model.head.fc.weight, state["module.linear.weight"])
    assert torch.equal(model.stages[2][0].branch.norm2.running_var, state["module.layer3.0.bn2.running_var"])
    assert model(torch.zeros(1, 3, 32, 32)).isfinite().all()


def randomised(model):
    """Give every number of the model a value that no other place has."""
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.mul_(0.9 + 0.2 * torch.rand_like(value)).add_(0.1 * torch.rand_like(value) if value.ndim < 2 else 0)
    return model.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_torchvision_weights_give_its_logits_bit_for_bit(name, tmp_path):
    theirs = randomised(getattr(peer, name)())
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = residuum.load(tmp_path / "weights.pth")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
    assert (ours.description.model, ours.description.arguments) == (name, {})
    assert ours.description.preprocessing.resize == 256
    assert ours.description.classes[0] == "tench"


WRAPPED = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"state": {}, "param_groups": []}},
    "model": lambda state: {"model": state},
    "data parallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "compiled": lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
    "compiled data parallel": lambda state: {"model": {f"module._orig_mod.{name}": v for name, v in state.items()}},
    "attribute": lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    "no counters": lambda state: {n: v for n, v in state.items() if not n.endswith("num_batches_tracked")},
}


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_wrappers_come_off(wrapping, tmp_path):
    theirs = randomised(peer.resnet18(num_classes=5))
    torch.save(WRAPPED[wrapping](theirs.state_dict()), tmp_path / "weights.pth")
    ours = residuum.load(tmp_path / "weights.pth")
    images = torch.randn(1, 3, 40, 40)
    assert torch.equal(ours(images), theirs(images))
    assert ours.description.arguments == {"num_classes": 5}


def test_safetensors_of_torchvision_names(tmp_path):
    theirs = randomised(peer.resnet18(num_classes=5))
    write_safetensors(theirs.state_dict(), tmp_path / "weights.safetensors")
    images = torch.randn(1, 3, 40, 40)
    assert torch.equal(residuum.load(tmp_path / "weights.safetensors")(images), theirs(images))


def test_the_assumed_can_be_overridden(tmp_path):
    torch.save(peer.resnet18(num_classes=2).state_dict(), tmp_path / "w.pth")
    chosen = residuum.Preprocessing((96, 96), (0.5,) * 3, (0.5,) * 3)
    told = residuum.load(tmp_path / "w.pth", preprocessing=chosen, classes=["cat", "dog"], licence="MIT").description
    assert (told.preprocessing, told.classes, told.licence) == (chosen, ["cat", "dog"], "MIT")


def test_a_named_model_takes_the_weights_of_another_source(tmp_path):
    theirs = randomised(peer.resnet18(num_classes=4))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    images = torch.randn(1, 3, 40, 40)
    ours = residuum.create_model("resnet18", weights=str(tmp_path / "w.pth"))
    assert torch.equal(ours.eval()(images), theirs(images))
    with pytest.raises(InputError, match=r"w.pth must fit resnet34, .*\n  missing: layer1.2.conv1.weight"):
        residuum.create_model("resnet34", weights=str(tmp_path / "w.pth"))


def test_numbers_of_any_precision_become_float32(tmp_path):
    theirs = randomised(peer.resnet18(num_classes=4)).bfloat16()
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    assert ours.stem.conv.weight.dtype == torch.float32
    assert torch.equal(ours.stem.conv.weight, theirs.conv1.weight.float())
    doubled = peer.resnet18(num_classes=4).double().eval()
    torch.save(doubled.state_dict(), tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    assert ours.stem.conv.weight.dtype == torch.float32
    assert "float64 numbers as float32" in ours.description.provenance
    images = torch.randn(1, 3, 40, 40)
    torch.testing.assert_close(ours(images), doubled(images.double()).float(), rtol=1e-4, atol=1e-5)


def test_tensors_of_no_known_model_are_told(tmp_path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"must hold a model of this library .* got 2 tensors such as weight, bias"):
        residuum.load(tmp_path / "w.pth")
