"""A named architecture decides or is refused; shapes that fit nothing are named."""

import argparse
import json

import pytest
import timm
import torch
from timm.models import save_for_hf
from torchvision import models as peer

import residuum
from residuum.errors import InputError
from residuum.models import Description
from residuum.weights import examine
from residuum.weights.architectures import SAME_SHAPES, Named, check_named
from residuum.weights.published import check_logits

IMAGES = torch.linspace(-2, 2, 3 * 64 * 64).view(1, 3, 64, 64)


def randomised(model):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_(0, 0.3)
            module.weight.data.uniform_(0.5, 1)
    return model.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet18d", "seresnet18", "resnet10t"])
def test_timms_name_is_the_same_network(name, tmp_path):
    theirs = randomised(timm.create_model(name, num_classes=3))
    save_for_hf(theirs, tmp_path)
    ours = residuum.load(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["resnetblur18", "resnetaa34d"])
def test_an_antialiased_network_does_not_load_as_a_plain_one(name, tmp_path):
    save_for_hf(timm.create_model(name), tmp_path)
    with pytest.raises(InputError, match=rf"names '{name}', which is not built here: its tensors would load as resnet"):
        residuum.load(tmp_path)
    with pytest.raises(InputError, match=name):
        residuum.load(tmp_path, model="resnet18" if "18" in name else "resnet34d")
    found = examine(tmp_path)
    assert name in found.odd[0]
    assert found.how_to_load.startswith("not as it is")
    content = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(content | {"architecture": "resnet152"}))
    with pytest.raises(InputError, match=r"names 'resnet152', but its tensors are of resnet"):
        residuum.load(tmp_path)


@pytest.mark.parametrize("changes", [{"act_layer": "gelu"}, {"global_pool": "max"}, {"output_stride": 8}])
def test_arguments_that_build_another_network_are_refused(changes, tmp_path):
    save_for_hf(timm.create_model("resnet18", num_classes=3), tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    content["model_args"] = content["model_args"] | changes
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"must (be|hold) .*{next(iter(changes)) if len(changes) > 1 else ''}"):
        residuum.load(tmp_path)


def save(tmp_path, **entries):
    torch.save({"state_dict": peer.resnet18(num_classes=3).state_dict(), **entries}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


OTHERS = {
    "arch": {"arch": "resnetblur18"},
    "args": {"args": argparse.Namespace(model="resnetblur18", lr=0.1)},
    "hyper_parameters": {"hyper_parameters": {"lr": 1, "model_name": "timm/ecaresnet18.in1k"}},
    "another variant": {"model_name": "resnet50"},
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_checkpoint_that_names_another_network_is_refused(case, tmp_path):
    path = save(tmp_path, **OTHERS[case])
    with pytest.raises(InputError, match=r"the entry \".*\" names '.*(not built here|tensors are of resnet18)"):
        residuum.load(path)
    assert residuum.load(path, model="resnet18").description.model == "resnet18"  # the user knows better


@pytest.mark.parametrize("entries", [{"arch": "resnet18"}, {"args": argparse.Namespace(arch="resnet18")}])
def test_a_name_that_fits_leaves_nothing_to_assume(entries, tmp_path):
    assert "plain" not in residuum.load(save(tmp_path, **entries)).description.provenance


def test_a_file_without_a_name_says_what_is_assumed(tmp_path):
    assert (
        "plain resnet18, as nothing names an architecture (same shapes: resnetblur18)"
        in residuum.load(save(tmp_path)).description.provenance
    )
    assert (
        "says 'mine', which is no network known here"
        in residuum.load(save(tmp_path, arch="mine")).description.provenance
    )
    assert set(SAME_SHAPES) <= set(residuum.list_models())


def test_names_of_small_networks_are_taken_as_people_say_them():
    small = Description("cifar_resnet20", {})
    said = check_named(Named("resnet18", "the entry", exact=False), small)
    assert said == "cifar_resnet20, though the entry says 'resnet18'"
    assert check_named(Named("ResNet20", "the entry", exact=False), small) == ""


def test_other_logits_than_the_publishers_are_refused():
    ours = residuum.create_model("resnet18", num_classes=3).eval()
    check_logits(ours, lambda: ours, ours.description)
    other = randomised(peer.resnet18(num_classes=3))
    with pytest.raises(InputError, match=r"resnet18 must give its publisher's own logits within 0.0001 of the largest"):
        check_logits(ours, lambda: other, ours.description)


PRUNED = {
    "a channel": ("layer1.0.conv1.weight", torch.ones(60, 64, 3, 3), r"(?s)must fit resnet18, .*layer1.0.conv1.weight"),
    "five dimensions": ("conv1.weight", torch.ones(64, 3, 7, 7, 1), r"(?s)must fit resnet18, .*conv1.weight"),
    "a bias of another length": (
        "fc.bias",
        torch.ones(5),
        r"(?s)must fit resnet18, .*fc.bias \[5\] in",
    ),
    "a transposed classifier": ("fc.weight", torch.ones(512, 3), r"(?s)must fit resnet18, .*fc.weight \[512, 3\]"),
    "a scalar": ("fc.weight", torch.tensor(1.0), r"nearest is resnet\w*, of which fc.weight \[\] cannot be a layer's"),
    "no channels": ("layer2.0.conv1.weight", torch.ones(0, 64, 3, 3), r"layer2.0.conv1.weight \[0, 64, 3, 3\] cannot"),
    "no images": (
        "conv1.weight",
        torch.ones(64, 0, 7, 7),
        r"resnet18, of which conv1.weight \[64, 0, 7, 7\]",
    ),
    "sparse": ("fc.weight", torch.ones(3, 512).to_sparse(), r"dense tensors of floats, got sparse .*: fc.weight"),
    "complex": ("fc.weight", torch.ones(3, 512, dtype=torch.complex64), r"got complex64: fc.weight"),
    "integers": ("fc.weight", torch.ones(3, 512, dtype=torch.int8), r"got int8: fc.weight; save the model before"),
}


@pytest.mark.parametrize("case", PRUNED)
def test_shapes_and_kinds_that_fit_nothing_are_named(case, tmp_path):
    name, value, message = PRUNED[case]
    torch.save(peer.resnet18(num_classes=3).state_dict() | {name: value}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=message):
        residuum.load(tmp_path / "w.pth")
    assert examine(tmp_path / "w.pth").odd
