"""For every architecture that torchvision has: its weights give its logits bit for bit, its gradients to 1e-10 in
float64, and new weights are drawn from the same distributions, layer by layer."""

import pytest
import torch
from model_peers import (
    ALEXNET,
    DENSENET,
    RESNET,
    assert_relatively_close,
    by_table,
    drawn,
    gradients,
    on_meta,
    ours_with,
    renamed,
    torchvision_model,
    vgg_rules,
)
from scipy.stats import ks_2samp

from residuum import create_model

NARROW = {"hidden": 64}  # the full heads' shapes are held by the golden counts

# name: (rules of renaming, image size, arguments)
PEERS = {
    "resnet18": (RESNET, 65, {}),
    "resnet34": (RESNET, 32, {}),
    "resnet50": (RESNET, 64, {}),
    "resnet101": (RESNET, 32, {}),
    "resnet152": (RESNET, 32, {}),
    "resnext50_32x4d": (RESNET, 32, {}),
    "resnext101_32x8d": (RESNET, 32, {}),
    "resnext101_64x4d": (RESNET, 32, {}),
    "wide_resnet50_2": (RESNET, 32, {}),
    "wide_resnet101_2": (RESNET, 32, {}),
    "densenet121": (DENSENET, 65, {}),
    "densenet161": (DENSENET, 32, {}),
    "densenet169": (DENSENET, 32, {}),
    "densenet201": (DENSENET, 32, {}),
    "alexnet": (ALEXNET, 67, NARROW),
    "vgg11": (vgg_rules((1, 1, 2, 2, 2), 2), 32, NARROW),
    "vgg13": (vgg_rules((2, 2, 2, 2, 2), 2), 32, NARROW),
    "vgg16": (vgg_rules((2, 2, 3, 3, 3), 2), 32, NARROW),
    "vgg19": (vgg_rules((2, 2, 4, 4, 4), 2), 37, NARROW),
    "vgg11_bn": (vgg_rules((1, 1, 2, 2, 2), 3), 32, NARROW),
    "vgg13_bn": (vgg_rules((2, 2, 2, 2, 2), 3), 32, NARROW),
    "vgg16_bn": (vgg_rules((2, 2, 3, 3, 3), 3), 32, NARROW),
    "vgg19_bn": (vgg_rules((2, 2, 4, 4, 4), 3), 32, NARROW),
    "mobilenet_v2": (by_table("torchvision_mobilenet_v2"), 65, {}),
    "mobilenet_v3_small": (by_table("torchvision_mobilenet_v3_small"), 65, {}),
    "efficientnet_b0": (by_table("torchvision_efficientnet"), 65, {}),
    "regnet_x_400mf": (by_table("torchvision_regnet"), 32, {}),
    "regnet_y_400mf": (by_table("torchvision_regnet"), 65, {}),
    "convnext_tiny": (by_table("torchvision_convnext"), 64, {}),
}

# too large for a quick test: gradients of their smaller filters only, and their siblings of 50 layers stand for them
# where new weights are drawn
HUGE = {"resnext101_32x8d", "resnext101_64x4d", "wide_resnet101_2"}


@pytest.mark.parametrize("name", PEERS)
def test_weights_give_torchvisions_logits_and_gradients(name):
    rules, size, arguments = PEERS[name]
    peer = drawn(on_meta(torchvision_model, name, num_classes=10))
    model = ours_with(name, renamed(peer.state_dict(), rules), num_classes=10, **arguments)
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = peer(images)
        assert expected.std() > 0
        assert torch.equal(model(images), expected)

    peer, images = peer.double(), images.double()
    model.load_state_dict(renamed(peer.state_dict(), rules), assign=True)
    largest = 300_000 if name in HUGE else None
    expected = gradients(peer, images, largest)
    expected = {"images": expected.pop("images"), **renamed(expected, rules)}
    assert_relatively_close(gradients(model, images, largest), expected, 1e-10)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121", "vgg11_bn", "mobilenet_v3_small"])
def test_training_mode_follows_torchvision(name):
    rules, size, arguments = PEERS[name]
    peer = drawn(on_meta(torchvision_model, name, num_classes=10))
    state = {key: value.clone() for key, value in renamed(peer.state_dict(), rules).items()}
    model = ours_with(name, state, num_classes=10, **arguments)
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        torch.manual_seed(1)  # dropout draws the same
        expected = peer.train()(images)
        torch.manual_seed(1)
        assert torch.equal(model.train()(images), expected)
    after = renamed(peer.state_dict(), rules)
    assert all(torch.equal(value, after[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", [name for name in PEERS if name not in HUGE])
def test_new_weights_have_torchvisions_distributions(name):
    rules, _, arguments = PEERS[name]
    expected = renamed(torchvision_model(name).state_dict(), rules)
    got = create_model(name, **arguments).state_dict()
    assert got.keys() == expected.keys()
    for key, ours in got.items():
        assert_same_distribution(ours, expected[key], key)


def assert_same_distribution(ours, theirs, key):
    """Equal where constant; else the same spread (5 sigma) and the same shape (Kolmogorov-Smirnov, p > 1e-6)."""
    assert ours.shape == theirs.shape, key
    if theirs.numel() == 1 or (theirs == theirs.flatten()[0]).all():
        assert torch.equal(ours, theirs), key
        return
    ratio = (ours.std() / theirs.std()).item()
    assert abs(ratio - 1) < 5 / ours.numel() ** 0.5, (key, ratio)
    step = max(1, ours.numel() // 5000)
    assert ks_2samp(ours.flatten()[::step].numpy(), theirs.flatten()[::step].numpy()).pvalue > 1e-6, key
