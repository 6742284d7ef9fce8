"""Architectures that timm has and torchvision has not: timm's weights give timm's logits to 1e-5."""

import re

import pytest
import torch
from model_peers import (
    TIMM_RESNET,
    TIMM_RESNET_D,
    TIMM_RESNETV2,
    drawn,
    on_meta,
    ours_with,
    renamed,
)

from residuum.compat import import_torchvision
from residuum.models import VARIANTS
from residuum.models.resnet import LAYOUTS

# this project's name: (timm's, rules of renaming)
PEERS = {
    "resnet200": ("resnet200", TIMM_RESNET),
    "resnext101_32x4d": ("resnext101_32x4d", TIMM_RESNET),
    "seresnet18": ("seresnet18", TIMM_RESNET),
    "seresnet34": ("seresnet34", TIMM_RESNET),
    "seresnet50": ("seresnet50", TIMM_RESNET),
    "seresnext50_32x4d": ("seresnext50_32x4d", TIMM_RESNET),
    "resnet18d": ("resnet18d", TIMM_RESNET_D),
    "resnet50d": ("resnet50d", TIMM_RESNET_D),
    "resnet101d": ("resnet101d", TIMM_RESNET_D),
    "preact_resnet18": ("resnetv2_18", TIMM_RESNETV2),
    "preact_resnet34": ("resnetv2_34", TIMM_RESNETV2),
    "preact_resnet50": ("resnetv2_50", TIMM_RESNETV2),
    "preact_resnet101": ("resnetv2_101", TIMM_RESNETV2),
}


def preactivation_names(state, depth):
    """Move timm's norms to where this project holds them.

    The first norm of a stage that changes shapes belongs to the stream: to the stem or to the block before.
    """
    last = [blocks - 1 for blocks in LAYOUTS[depth][1]]
    result = {}
    for name, value in state.items():
        name = name.replace("{last}", str(last[3]))
        match = re.match(r"stages\.(\d)\.0\.branch\.norm1\.(.*)", name)
        if match and match[1] != "0":
            before = int(match[1]) - 1
            name = f"stages.{before}.{last[before]}.activation.norm.{match[2]}"
        elif match and depth >= 50:
            name = f"stem.norm.{match[2]}"
        result[name] = value.flatten(1) if name == "head.fc.weight" else value
    return result


@pytest.mark.parametrize("name", PEERS)
def test_weights_give_timms_logits(name):
    import_torchvision()
    timm = pytest.importorskip("timm")
    peer_name, rules = PEERS[name]
    peer = drawn(on_meta(timm.create_model, peer_name, num_classes=10))
    state = renamed(peer.state_dict(), rules)
    if rules is TIMM_RESNETV2:
        state = preactivation_names(state, VARIANTS[name].depth)
    model = ours_with(name, state, num_classes=10)
    images = torch.randn(2, 3, 65, 64)
    with torch.no_grad():
        expected = peer(images)
        assert expected.std() > 1e-3
        scale = expected.abs().max()
        torch.testing.assert_close(model(images) / scale, expected / scale, rtol=0, atol=1e-5)
