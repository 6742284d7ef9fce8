"""BiT by the names of timm, of Google's .npz files and of transformers: the logits of the original network."""

from functools import partial

import numpy as np
import pytest
import torch
from test_families import drawn

import residuum
from residuum.compat import import_torchvision
from residuum.errors import InputError
from residuum.weights import convert

import_torchvision()
from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2

IMAGES = torch.linspace(-2, 2, 2 * 3 * 49 * 49).view(2, 3, 49, 49)
LETTERS = {"1": "a", "2": "b", "3": "c"}


def peer(**sizes):
    conv = partial(StdConv2d, eps=1e-8)
    return drawn(ResNetV2((1, 1, 1, 1), num_classes=5, stem_type="fixed", conv_layer=conv, **sizes))


@torch.no_grad()
def assert_same(ours, theirs):
    assert ours.description.model == "bit_resnet"
    torch.testing.assert_close(ours(IMAGES), theirs(IMAGES), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("widen", [1, 2])
def test_timm_and_back(widen, tmp_path):
    theirs = peer(width_factor=widen)
    torch.save({"state_dict": {f"module.{k}": v for k, v in theirs.state_dict().items()}}, tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    assert ours.description.arguments.get("widen", 1) == widen
    assert_same(ours, theirs)
    residuum.save(ours, tmp_path / "ours.safetensors")
    back = torch.load(convert(tmp_path / "ours.safetensors", "timm", tmp_path / "b.pth"), weights_only=True)
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[name], value) for name, value in theirs.state_dict().items())


def googles(state, prefix):
    """Rename and turn timm's tensors as Google's files have them."""
    ends = {"stem.conv": "root_block/standardized_conv2d", "norm": "group_norm", "head.fc": "head/conv2d"}
    renamed = {}
    for name, value in state.items():
        path, _, leaf = name.rpartition(".")
        kind = "conv" if value.ndim == 4 or path == "head.fc" else "norm"
        if path in ends:
            there = ends[path]
        else:
            _, stage, _, block, *layer = path.split(".")
            unit = f"block{int(stage) + 1}/unit{int(block) + 1:02d}"
            letter = "a/proj" if layer[0] == "downsample" else LETTERS[layer[0][-1]]
            there = f"{unit}/{letter}/{'standardized_conv2d' if kind == 'conv' else 'group_norm'}"
        word = {("conv", "weight"): "kernel", ("conv", "bias"): "bias", ("norm", "weight"): "gamma",
                ("norm", "bias"): "beta"}[kind, leaf]  # fmt: skip
        array = value.numpy()
        renamed[f"{prefix}{there}/{word}"] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return renamed


@pytest.mark.parametrize("prefix", ["resnet/", ""])
def test_googles_arrays(prefix, tmp_path):
    theirs = peer()
    np.savez(tmp_path / "BiT-M.npz", **googles(theirs.state_dict(), prefix))
    ours = residuum.load(tmp_path / "BiT-M.npz")
    assert_same(ours, theirs)
    read = peer().load_pretrained
    again = read.__self__
    read(str(tmp_path / "BiT-M.npz"), prefix=prefix)  # timm reads these names itself
    assert_same(ours, again.eval())


def test_an_array_by_another_name_is_reported(tmp_path):
    arrays = googles(peer().state_dict(), "resnet/")
    np.savez(tmp_path / "w.npz", **arrays, **{"resnet/block1/unit01/d/gain": np.ones(3, np.float32)})
    with pytest.raises(InputError, match=r"unexpected: block1/unit01/d/gain"):
        residuum.load(tmp_path / "w.npz")


def test_transformers(tmp_path):
    from transformers import BitConfig, BitForImageClassification

    theirs = drawn(BitForImageClassification(BitConfig(depths=[1, 1, 1, 1], num_labels=5)))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGES), theirs(IMAGES).logits, rtol=1e-5, atol=1e-5)


def test_a_width_below_one_is_refused():
    with pytest.raises(InputError, match=r"widen must be 1 or more, got 0"):
        residuum.create_model("bit_resnet", widen=0)
