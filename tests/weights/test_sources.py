"""Files as other libraries and training frameworks write them, without flags."""

import json

import pytest
import timm
import torch
from torchvision import models as peer
from transformers import ResNetConfig, ResNetForImageClassification

import residuum
from residuum.errors import InputError

IMAGES = torch.linspace(-2, 2, 2 * 3 * 48 * 40).view(2, 3, 48, 40)


def randomised(model):
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.mul_(0.9 + 0.2 * torch.rand_like(value)).add_(0.1 * torch.rand_like(value) if value.ndim < 2 else 0)
    return model.eval()


@pytest.fixture
def theirs():
    return randomised(peer.resnet18(num_classes=3))


def loaded(content, tmp_path, **overrides):
    torch.save(content, tmp_path / "w.pth")
    return residuum.load(tmp_path / "w.pth", **overrides)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_timm(name, tmp_path):
    model = randomised(timm.create_model(name, num_classes=7))
    ours = loaded(model.state_dict(), tmp_path)
    torch.testing.assert_close(ours(IMAGES), model(IMAGES), rtol=1e-5, atol=1e-5)
    assert (ours.description.model, ours.description.arguments) == (name, {"num_classes": 7})


@pytest.mark.parametrize("depth", [18, 50])
def test_hugging_face_folder(depth, tmp_path):
    shape = {18: ("basic", [64, 128, 256, 512], [2, 2, 2, 2]), 50: ("bottleneck", [256, 512, 1024, 2048], [3, 4, 6, 3])}
    kind, widths, blocks = shape[depth]
    names = {0: "cat", 1: "dog", 2: "owl"}
    config = ResNetConfig(layer_type=kind, hidden_sizes=widths, depths=blocks, id2label=names)
    model = randomised(ResNetForImageClassification(config))
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"size": {"shortest_edge": 224}, "crop_pct": 0.8, "image_mean": [0.5] * 3, "image_std": [0.25] * 3})
    )
    (tmp_path / "README.md").write_text("---\ntags:\n- vision\nlicense: apache-2.0\n---\n# A model\n")
    ours = residuum.load(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGES), model(IMAGES).logits, rtol=1e-5, atol=1e-5)
    told = ours.description
    assert (told.model, told.classes, told.licence) == (f"resnet{depth}", ["cat", "dog", "owl"], "apache-2.0")
    assert told.preprocessing == residuum.Preprocessing((224, 224), (0.5,) * 3, (0.25,) * 3, 280)
    assert "Hugging Face" in told.provenance


def test_openmmlab(theirs, tmp_path):
    state = {n if n.startswith("fc") else f"backbone.{n}": value for n, value in theirs.state_dict().items()}
    state = {f"head.{name}" if name.startswith("fc") else name: value for name, value in state.items()}
    ours = loaded({"state_dict": state, "meta": {"epoch": 100}}, tmp_path)
    assert torch.equal(ours(IMAGES), theirs(IMAGES))
    assert "OpenMMLab" in ours.description.provenance


@pytest.mark.parametrize("prefix", ["model.", "net.", "model._orig_mod.", "module.model."])
def test_lightning_and_other_attributes(prefix, theirs, tmp_path):
    content = {
        "epoch": 3,
        "state_dict": {prefix + name: value for name, value in theirs.state_dict().items()},
        "optimizer_states": [{"state": {0: {"step": torch.ones(())}}}],
        "hyper_parameters": {"lr": 0.1},
    }
    assert torch.equal(loaded(content, tmp_path)(IMAGES), theirs(IMAGES))


def test_a_loss_beside_the_model_is_named_and_left_out(theirs, tmp_path):
    state = {f"model.{name}": value for name, value in theirs.state_dict().items()}
    state["criterion.weight"] = torch.ones(3)
    with pytest.warns(UserWarning, match="left out 1 tensor of criterion"):
        assert torch.equal(loaded({"state_dict": state}, tmp_path)(IMAGES), theirs(IMAGES))


def averaged_of(model):
    averaged = torch.optim.swa_utils.AveragedModel(model)
    for value in averaged.module.parameters():
        value.data.mul_(0.5)
    return averaged.eval()


EMA_FILES = {
    "timm": lambda raw, ema: {"state_dict": raw.state_dict(), "state_dict_ema": ema.module.state_dict()},
    "torchvision": lambda raw, ema: {"model": raw.state_dict(), "model_ema": ema.state_dict(), "epoch": 1},
    "prefix": lambda raw, ema: {
        **{f"model.{name}": value for name, value in raw.state_dict().items()},
        **{f"ema_model.{name}": value for name, value in ema.state_dict().items()},
    },
}


@pytest.mark.parametrize("source", EMA_FILES)
def test_the_averaged_copy_is_taken_said_and_declined(source, theirs, tmp_path):
    averaged = averaged_of(theirs)
    content = EMA_FILES[source](theirs, averaged)
    ours = loaded(content, tmp_path)
    assert torch.equal(ours(IMAGES), averaged.module(IMAGES))
    assert "averaged copy" in ours.description.provenance
    raw = loaded(content, tmp_path, ema=False)
    assert torch.equal(raw(IMAGES), theirs(IMAGES))
    assert "averaged" not in raw.description.provenance


def test_an_averaged_copy_of_parameters_alone_keeps_the_running_statistics(theirs, tmp_path):
    averaged = averaged_of(theirs)
    parameters = dict(averaged.module.named_parameters())
    ours = loaded({"state_dict": theirs.state_dict(), "state_dict_ema": parameters}, tmp_path)
    assert torch.equal(ours(IMAGES), averaged.module(IMAGES))
    assert "where it lacks them, 60 entries of the other" in ours.description.provenance


def test_averaging_alone_counts_its_steps(theirs, tmp_path):
    averaged = averaged_of(theirs)
    ours = loaded(averaged.state_dict(), tmp_path)
    assert torch.equal(ours(IMAGES), averaged.module(IMAGES))
    assert "left out: n_averaged" in ours.description.provenance


def test_an_averaged_copy_that_is_not_there_is_told(theirs, tmp_path):
    with pytest.raises(InputError, match=r"w.pth must hold an averaged copy for ema=True, got none"):
        loaded(theirs.state_dict(), tmp_path, ema=True)


def test_a_plain_net_is_taken_by_name(tmp_path):
    plain = residuum.create_model("cifar_plain", depth=8).eval()
    ours = loaded(plain.state_dict(), tmp_path, model="cifar_plain")
    assert ours.description.model == "cifar_plain"
    images = IMAGES[:, :, :32, :32]
    assert torch.equal(ours(images), plain(images))
    assert not torch.equal(loaded(plain.state_dict(), tmp_path)(images), plain(images))


def test_a_missing_shape_and_unexpected_are_listed_by_the_files_names(theirs, tmp_path):
    state = {f"module.{name}": value for name, value in theirs.state_dict().items()}
    del state["module.layer2.0.bn1.bias"]
    state["module.layer2.0.conv1.weight"] = torch.ones(128, 64, 1, 1)
    state["module.layer9.0.other"] = torch.ones(1)
    wanted = (
        r"w.pth must fit resnet18, 3 entries do not:\n"
        r"  missing: module.layer2.0.bn1.bias\n"
        r"  unexpected: module.layer9.0.other\n"
        r"  shape: module.layer2.0.conv1.weight \[128, 64, 1, 1\] in the file, \[128, 64, 3, 3\] here"
    )
    with pytest.raises(InputError, match=wanted):
        loaded(state, tmp_path)
