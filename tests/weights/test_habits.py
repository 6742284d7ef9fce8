"""Checkpoints as people's tools write them: the network inside gives the original's logits, the rest is reported."""

import json

import pytest
import torch
from safetensors.torch import save_file
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


@pytest.fixture(scope="module")
def pooled(theirs):
    with torch.no_grad():
        return nn.Sequential(*list(theirs.children())[:-1])(IMAGES).flatten(1)


def under(prefix, state):
    return {prefix + name: value for name, value in state.items()}


def features(state):
    return {name: value for name, value in state.items() if name not in FC}


PREFIXES = ["module.module.", "_orig_mod.module.", "module._orig_mod.", "ema.", "student.", "teacher.", "learner.0.",
            "ema_model.module.", "feature_extractor.", "fc."]  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_doubled_and_misleading_prefixes(prefix, theirs, tmp_path):
    torch.save(under(prefix, theirs.state_dict()), tmp_path / "w.pth")
    assert torch.equal(residuum.load(tmp_path / "w.pth")(IMAGES), theirs(IMAGES))


def lightning(state):
    return {
        "state_dict": {**under("model.", state), "criterion.weight": torch.ones(3), "val_acc.total": torch.tensor(5.0)},
        "hyper_parameters": {"lr": 0.1}, "epoch": 3, "callbacks": {}, "pytorch-lightning_version": "2.4",
        "optimizer_states": [{"state": {0: {"momentum_buffer": torch.ones(999, 999)}}, "param_groups": []}],
    }  # fmt: skip


def mmpretrain(state):
    inside = {**under("backbone.", features(state)), **{f"head.{name}": state[name] for name in FC}}
    return {"meta": {"epoch": 1}, "state_dict": {**inside, "data_preprocessor.mean": torch.ones(3, 1, 1)}}


CHECKPOINTS = {
    "Lightning, with a loss and a metric": (lightning, r"1 tensor of criterion, 1 tensor of val_acc.total"),
    "mmpretrain, with its preprocessor": (mmpretrain, r"1 tensor of data_preprocessor.mean"),
    "only the averaged entry": (lambda state: {"state_dict_ema": under("module.", state), "epoch": 1}, ""),
    "the averaged entry and its counter": (lambda s: {"model_ema": {"n_averaged": torch.tensor(2), **s}}, ""),
    "no counters of batches": (lambda s: {k: v for k, v in s.items() if "num_batches" not in k}, ""),
    "a dropout before the classifier": (
        lambda s: {**features(s), "fc.1.weight": s["fc.weight"], "fc.1.bias": s["fc.bias"]}, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHECKPOINTS)
@pytest.mark.filterwarnings("error")
def test_checkpoints_of_tools(case, theirs, tmp_path):
    make, left_out = CHECKPOINTS[case]
    torch.save(make(theirs.state_dict()), tmp_path / "w.ckpt")
    if left_out:
        with pytest.warns(UserWarning, match=f"w.ckpt: left out {left_out}"):
            ours = residuum.load(tmp_path / "w.ckpt")
    else:
        ours = residuum.load(tmp_path / "w.ckpt")
    assert torch.equal(ours(IMAGES), theirs(IMAGES))


def test_another_network_behind_the_classifier_is_never_ignored(theirs, tmp_path):
    torch.save({**under("trunk.", theirs.state_dict()), "answer.weight": torch.ones(2, 3)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"must fit resnet18, 1 entries do not:\n  unexpected: answer.weight"):
        residuum.load(tmp_path / "w.pth")


@pytest.mark.parametrize("names", [("fc.0", "fc.3"), ("fc1", "fc2"), ("hidden", "answer")])
def test_a_head_of_several_layers_is_left_out_by_name(names, theirs, pooled, tmp_path):
    first, last = names
    head = {
        f"{first}.weight": torch.ones(16, 512),
        f"{first}.bias": torch.ones(16),
        f"{last}.weight": torch.ones(3, 16),
    }
    torch.save({**features(theirs.state_dict()), **head}, tmp_path / "w.pth")
    with pytest.warns(UserWarning, match=rf"left out 2 tensors of {first}, 1 tensor of {last}"):
        ours = residuum.load(tmp_path / "w.pth")
    assert torch.equal(ours(IMAGES), pooled)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, theirs, tmp_path):
    half = {
        name: value.to(dtype) if value.is_floating_point() else value for name, value in theirs.state_dict().items()
    }
    save_file(half, tmp_path / "w.safetensors", metadata={"format": "pt", "epoch": "3"})
    again = peer.resnet18(num_classes=3).eval()
    again.load_state_dict(half)  # widened
    assert torch.equal(residuum.load(tmp_path / "w.safetensors")(IMAGES), again(IMAGES))


def detectron2(state):
    """Rename as detectron2 does: norms stand inside their convolutions."""
    renamed = {}
    for name, value in features(state).items():
        parts = name.split(".")
        if parts[0].startswith("layer"):
            place = f"res{int(parts[0][5:]) + 1}.{parts[1]}."
            if parts[2] == "downsample":
                rest = "shortcut." + ("norm." if parts[3] == "1" else "") + parts[4]
            else:
                rest = f"conv{parts[2][-1]}." + ("norm." if parts[2].startswith("bn") else "") + parts[3]
        else:
            place, rest = "stem.", "conv1." + ("norm." if parts[0] == "bn1" else "") + parts[1]
        if "num_batches" not in name:
            renamed[place + rest] = value
    return renamed


@pytest.mark.parametrize("prefix", ["", "backbone.bottom_up."])
def test_detectron2(prefix, theirs, pooled, tmp_path):
    others = {"backbone.fpn_lateral2.weight": torch.ones(8, 64, 1, 1)} if prefix else {}
    torch.save({"model": {**under(prefix, detectron2(theirs.state_dict())), **others}}, tmp_path / "model_final.pth")
    if others:
        with pytest.warns(UserWarning, match="left out 1 tensor of backbone.fpn_lateral2"):
            ours = residuum.load(tmp_path / "model_final.pth")
    else:
        ours = residuum.load(tmp_path / "model_final.pth")
    assert torch.equal(ours(IMAGES), pooled)
    assert ours.description.preprocessing is None  # its images are BGR, which no preprocessing here says


def test_detectron2s_bottlenecks_have_the_stride_first(tmp_path):
    torch.save({"model": detectron2(peer.resnet50(num_classes=3).state_dict())}, tmp_path / "w.pth")
    found = residuum.load(tmp_path / "w.pth").description
    assert found.arguments["stride_on"] == "conv1"
    assert "stride on the first 1x1 convolutions (v1), as detectron2's own" in found.provenance


@pytest.fixture
def shards(theirs, tmp_path):
    """Write a network in two shards, as transformers does."""
    state, files = theirs.state_dict(), ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    parts = {file: {name: value for n, (name, value) in enumerate(state.items()) if n % 2 == k}
             for k, file in enumerate(files)}  # fmt: skip
    for file, part in parts.items():
        save_file(part, tmp_path / file)
    index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def test_shards_load_from_their_folder_and_index(shards, theirs):
    for source in (shards, shards / "model.safetensors.index.json"):
        assert torch.equal(residuum.load(source)(IMAGES), theirs(IMAGES))
    assert examine(shards).tensors == 122
    with pytest.raises(InputError, match=r"a whole model, got shard 1 of 2; give the folder"):
        residuum.load(shards / "model-00001-of-00002.safetensors")


def test_damaged_shards_are_refused(shards):
    index = shards / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    index.write_text(
        json.dumps({"weight_map": {**content["weight_map"], "fc.extra": "model-00001-of-00002.safetensors"}})
    )
    with pytest.raises(InputError, match=r"shards must hold, got no fc.extra; fetch the shards again"):
        residuum.load(shards)
    for bad in ({}, {"weight_map": {"a": "../a.safetensors"}}, {"weight_map": {"a": 3}}, []):
        index.write_text(json.dumps(bad))
        with pytest.raises(InputError, match=r'must map tensors to files beside it in "weight_map"'):
            residuum.load(shards)
    index.write_text(json.dumps(content))
    (shards / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"must have its shards beside it, got no model-00002-of-00002.safetensors"):
        residuum.load(shards)
