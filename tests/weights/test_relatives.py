"""Relatives of ResNet by the names of timm and of CIFAR repositories: recognised without flags, the same logits."""

import pytest
import timm
import torch
from test_families import assert_same_and_back, drawn
from torch import nn
from torchvision import models as peer

import residuum

TIMM = ["resnet10t", "resnet14t", "resnet26", "resnet26d", "resnet26t", "resnet50_gn", "ecaresnet26t", "ecaresnet50d"]


@pytest.mark.parametrize("name", TIMM)
def test_timm(name, tmp_path):
    assert_same_and_back(drawn(timm.create_model(name, num_classes=5)), name, "timm", tmp_path, 1e-5)


class Kuangliu(nn.Module):
    """A small-image ResNet as pytorch-cifar writes its names, in two blocks a stage."""

    def __init__(self, names=("linear", "shortcut")):
        super().__init__()
        net = peer.resnet18(num_classes=10)
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
        self.net, self.names = drawn(net), names

    def forward(self, images):
        return self.net(images)

    def state(self):
        fc, shortcut = self.names
        return {name.replace("fc.", f"{fc}.").replace("downsample", shortcut): value
                for name, value in self.net.state_dict().items()}  # fmt: skip


def weiaicunzai(state):
    """Rename as pytorch-cifar100 does."""
    inner = {"conv1": "residual_function.0", "bn1": "residual_function.1", "conv2": "residual_function.3",
             "bn2": "residual_function.4", "downsample": "shortcut"}  # fmt: skip
    renamed = {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0].startswith("layer"):
            parts = [f"conv{int(parts[0][5:]) + 1}_x", parts[1], inner[parts[2]], *parts[3:]]
        elif parts[0] in ("conv1", "bn1"):
            parts = ["conv1", "0" if parts[0] == "conv1" else "1", *parts[1:]]
        renamed[".".join(parts)] = value
    return renamed


NAMINGS = {
    "kuangliu": lambda: (net := Kuangliu(), net.state()),
    "kuangliu in parallel": lambda: (
        net := Kuangliu(),
        {"net": {f"module.{k}": v for k, v in net.state().items()}, "acc": 95.1, "epoch": 9},
    ),
    "huyvnphan": lambda: (net := Kuangliu(("fc", "downsample")), net.state()),
    "weiaicunzai": lambda: (net := Kuangliu(("fc", "downsample")), weiaicunzai(net.state())),
}


@pytest.mark.parametrize("case", NAMINGS)
@torch.no_grad()
def test_resnets_with_a_stem_of_3x3(case, tmp_path):
    net, state = NAMINGS[case]()
    torch.save(state, tmp_path / "w.pth")
    ours = residuum.load(tmp_path / "w.pth")
    assert ours.description.model == "resnet18_cifar"
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours(images), net.eval()(images), rtol=1e-5, atol=1e-5)
